import { createHash, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { LineProgram } from "./lines";
import type { Trial } from "./trial";

/** A real browser somewhere in a trial's lab, and people who use it: each has cookies of his own. */

/** A page as one sees it. */
export interface Seen {
  url: string;
  /** Of the answer that brought it. */
  status: number;
  title: string;
  text: string;
}

export interface Cookie {
  name: string;
  value: string;
  domain: string;
  path: string;
  /** Seconds since 1970. */
  expires: number;
  httpOnly: boolean;
  secure: boolean;
  sameSite: string;
}

/** A certificate's public key as browsers pin it. */
export function keyOf(pem: string): string {
  const { publicKey } = new X509Certificate(pem);
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
}

export class People {
  private constructor(private readonly browser: LineProgram) {}

  /**
   * @param where the namespace. Example: "stranger"
   * @param hosts where names lead
   * @param keys of which certificates are trusted, see `keyOf`
   */
  static async start(
    trial: Trial,
    where: string,
    hosts: Readonly<Record<string, string>>,
    keys: readonly string[],
  ): Promise<People> {
    const program = join(__dirname, "../browser/visit.mjs");
    const browser = new LineProgram(
      "the browser",
      trial.lab.argv("exec", where, "--", process.execPath, program),
    );
    await told(browser, { hosts, keys });
    return new People(browser);
  }

  go(person: string, url: string): Promise<Seen> {
    return told(this.browser, { person, go: url });
  }

  /** Fills in fields and presses a button, by their CSS selectors. */
  submit(person: string, button: string, fill: Readonly<Record<string, string>> = {}): Promise<Seen> {
    return told(this.browser, { person, submit: button, fill });
  }

  /** Waits for something that a page's script shows, by its selector. */
  wait(person: string, selector: string): Promise<Seen> {
    return told(this.browser, { person, wait: selector });
  }

  /** What an expression, or its promise, comes to in the page. */
  async run<T>(person: string, expression: string): Promise<T> {
    return (await told<{ came: T }>(this.browser, { person, run: expression })).came;
  }

  async cookies(person: string): Promise<Cookie[]> {
    return (await told<{ cookies: Cookie[] }>(this.browser, { person, cookies: true })).cookies;
  }

  /** Takes a picture of what a person sees. */
  async picture(person: string, path: string): Promise<void> {
    await told(this.browser, { person, picture: path });
  }

  end(): Promise<void> {
    return this.browser.end();
  }
}

async function told<T>(browser: LineProgram, message: object): Promise<T> {
  const answer = JSON.parse(await browser.tell(message, 60)) as T & { error?: string };
  if (answer.error) throw new Error(`the browser, asked for ${JSON.stringify(message)}: ${answer.error}`);
  return answer;
}
