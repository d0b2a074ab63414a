/** nginx beside the ingress, doing the same: TLS on both sides, connections that stay, an access log. */
import type { Ground } from "../drills/ground";
import { run } from "../run";

const folder = "/run/bench-nginx";
const unit = "bench-nginx";
export const nginxPort = 9443;

/** Where an instance of the service behind it answers. Example: "[fd00:1ab::15]:23456". */
export type Instance = string;

/** Its configuration. Pure. */
export function nginxConfig(instances: readonly Instance[], serverName: string): string {
  return `daemon off;
worker_processes auto;
pid ${folder}/pid;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
  access_log ${folder}/access.log combined;
  keepalive_requests 1000000;
  upstream site {
${instances.map((one) => `    server ${one};`).join("\n")}
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${nginxPort} ssl;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass https://site;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_ssl_server_name on;
      proxy_ssl_name ${serverName};
    }
  }
}
`;
}

/** Starts it on a machine, with the ingress's own certificate. */
export async function startNginx(
  ground: Ground,
  machine: string,
  files: { readonly config: string; readonly cert: string; readonly key: string },
): Promise<void> {
  const put = (name: string, text: string): Promise<string> =>
    run(
      ground.lab.argv(
        ...["exec", "--inside", ground.id(machine), "--"],
        ...["dd", "status=none", `of=${folder}/${name}`],
      ),
      { what: `nginx's ${name} on ${machine}`, input: text, signal: ground.signal },
    );
  await ground.inside(machine, "mkdir", "-m", "0700", folder);
  await put("nginx.conf", files.config);
  await put("cert.pem", files.cert);
  await put("key.pem", files.key);
  const words = ["--unit", unit, "--collect", "--quiet", "--service-type=exec"];
  await ground.inside(machine, "systemd-run", ...words, "nginx", "-c", `${folder}/nginx.conf`);
}

/** Ends it, and takes its files away. */
export async function stopNginx(ground: Ground, machine: string): Promise<void> {
  await ground.inside(machine, "systemctl", "stop", unit);
  await ground.inside(machine, "rm", "-r", folder);
}
