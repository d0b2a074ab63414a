/**
 * Speaks TLS before something that does not: listens on PORT of all addresses, hands on to FAR_PORT of 127.0.0.1.
 * usage: tls-front.mjs PORT FAR_PORT CERTIFICATE_FILE KEY_FILE
 */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer } from "node:tls";

const [port, farPort, cert, key] = process.argv.slice(2);

const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (near) => {
  const far = connect({ port: Number(farPort), host: "127.0.0.1" });
  near.pipe(far).pipe(near);
  near.on("error", () => far.destroy());
  far.on("error", () => near.destroy());
});
server.on("tlsClientError", (error) => process.stderr.write(`${error.message}\n`));
server.listen(Number(port), "::", () => process.stdout.write("ready\n"));
