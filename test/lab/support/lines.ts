import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program of the tests that goes on: each line that it is told is answered by one. It ends when it is told nothing more. */
export class LineProgram {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  private ended?: Error;
  private last = "";

  /** @param what first words of an error. Example: "the browser" */
  constructor(
    private readonly what: string,
    [program = "", ...args]: readonly string[],
  ) {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child = child;
    const end = (why: string): void => {
      this.ended ??= new Error(`${what} ${why}: ${this.last}`);
      for (const { reject } of this.waiting.splice(0)) reject(this.ended);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code) => end(`ended with ${code}`));
    child.stdin?.on("error", () => undefined);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.last = (this.last + text).slice(-2000);
    });
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) =>
      this.waiting.shift()?.resolve(line),
    );
  }

  /** Tells it something and waits for its answer, in the order in which it was told. */
  tell(message: object, limitSeconds = 30): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      const late = setTimeout(
        () =>
          reject(new Error(`${this.what} did not answer ${Object.keys(message)} within ${limitSeconds} s`)),
        limitSeconds * 1000,
      );
      this.waiting.push({
        resolve: (line) => {
          clearTimeout(late);
          resolve(line);
        },
        reject: (error) => {
          clearTimeout(late);
          reject(error);
        },
      });
      this.child.stdin?.write(`${JSON.stringify(message)}\n`);
    });
  }

  /** Lets it end, and waits for that. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended) return resolve();
      this.child.once("close", () => resolve());
      this.child.stdin?.end();
    });
  }
}
