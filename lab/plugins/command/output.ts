/** Collects what a command writes, streams it to the log line by line, and keeps a tail for error messages. */
import { StringDecoder } from "node:string_decoder";

const TAIL_LINES = 40;
const TAIL_CHARACTERS = 4000;

type Stream = "stdout" | "stderr";

export class Output {
  private readonly chunks: Record<Stream, Buffer[]> = { stdout: [], stderr: [] };
  private readonly partial: Record<Stream, string> = { stdout: "", stderr: "" };
  private readonly decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };

  /** @param logging the resource's property: stdout, stderr, stdoutAndStderr or none. */
  constructor(
    private readonly logging: string,
    private readonly log: (line: string) => void,
  ) {}

  take(stream: Stream, data: Buffer): void {
    this.chunks[stream].push(data);
    if (!this.logs(stream)) return;
    const lines = (this.partial[stream] + this.decoders[stream].write(data)).split("\n");
    this.partial[stream] = lines.pop() ?? "";
    for (const line of lines) this.log(line.replace(/\r$/, ""));
  }

  /** Logs what came without a final newline. */
  finish(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.partial[stream] !== "") this.log(this.partial[stream]);
      this.partial[stream] = "";
    }
  }

  /** Everything of a stream, without one final newline. */
  text(stream: Stream): string {
    return Buffer.concat(this.chunks[stream]).toString("utf8").replace(/\n$/, "");
  }

  /**
   * The end of the output for an error message: stderr always, stdout where it may be logged, since what a program
   * prints as its result may be secret.
   */
  tail(): string {
    const parts = (["stderr", "stdout"] as const)
      .filter((stream) => stream === "stderr" || this.logs(stream))
      .map((stream) => [stream, lastLines(this.text(stream))])
      .filter(([, text]) => text !== "")
      .map(([stream, text]) => `${stream}:\n${text}`);
    return parts.length === 0 ? "it printed nothing" : parts.join("\n");
  }

  private logs(stream: Stream): boolean {
    return this.logging === stream || this.logging === "stdoutAndStderr";
  }
}

function lastLines(text: string): string {
  const last = text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
  return last.length > TAIL_CHARACTERS ? `…${last.slice(-TAIL_CHARACTERS)}` : last;
}
