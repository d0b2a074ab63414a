import { request } from "node:http";

/** Asks an emulated Linode by its socket: the API below /v4, or its tester's side below /lab. */
export function ask<T>(socketPath: string, method: string, path: string, body?: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const asked = request({ socketPath, method, path, headers, timeout: 30_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        if (response.statusCode === 200) return resolve(JSON.parse(text) as T);
        reject(
          new Error(`the emulated Linode answered ${response.statusCode} to ${method} ${path}: ${text}`),
        );
      });
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer to ${method} ${path}`)));
    asked.on("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The emulated account's token: opens nothing else. */
export const token = "rehearsal";
