/** Lines sent to the engine's log, in order. */
import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export type Severity = "debug" | "info" | "warning" | "error" | "status";

const SEVERITIES: Record<Severity, LogSeverity> = {
  debug: LogSeverity.DEBUG,
  info: LogSeverity.INFO,
  warning: LogSeverity.WARNING,
  error: LogSeverity.ERROR,
  status: LogSeverity.INFO,
};

/** A connection to the engine's log, made when first needed. Without an address nothing is sent. */
export class EngineLog {
  private client: EngineClient | undefined;
  // The engine serves calls side by side, so each line waits for the one before it.
  private last: Promise<void> = Promise.resolve();

  constructor(private address: string | undefined) {}

  /** Another engine took the plugin over. */
  attach(address: string): void {
    this.close();
    this.address = address;
  }

  send(urn: string, line: string, severity: Severity): void {
    if (this.address === undefined) return;
    this.client ??= new EngineClient(this.address, grpc.credentials.createInsecure());
    const client = this.client;
    const request = new LogRequest();
    request.setSeverity(SEVERITIES[severity]);
    request.setMessage(line);
    request.setUrn(urn);
    request.setEphemeral(severity === "status");
    // A lost log line must not fail the operation that wrote it.
    this.last = this.last.then(() => new Promise((resolve) => client.log(request, () => resolve())));
  }

  /** Resolves when everything sent so far has arrived. */
  flush(): Promise<void> {
    return this.last;
  }

  close(): void {
    this.client?.close();
    this.client = undefined;
  }
}
