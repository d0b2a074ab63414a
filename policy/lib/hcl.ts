/**
 * Reads the blocks and attributes of a job's file, as far as rules look: expressions stay texts, nothing is evaluated but
 * plain strings, numbers and variables. What it cannot read it says, for a rule must not take it for an empty job.
 */

export interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  /** Expressions, as they are written. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly blocks: readonly Block[];
}

/** Says what, and in which line; nothing of the file. */
export class HclError extends Error {}

const identifier = /[A-Za-z_][\w-]*/y;
const quoted = /"(?:[^"\\]|\\.)*"/y;

class Reader {
  private at = 0;
  constructor(private readonly text: string) {}

  body(type: string, labels: string[], end: string): Block {
    const attributes: Record<string, string> = {};
    const blocks: Block[] = [];
    for (;;) {
      this.blanks();
      if (this.at >= this.text.length || this.text[this.at] === end) {
        if (end !== "" && this.at >= this.text.length) throw this.error("a block has no end");
        this.at++;
        return { type, labels, attributes, blocks };
      }
      const name = this.take(identifier) ?? this.take(quoted)?.slice(1, -1);
      if (name === undefined) throw this.error("a name is missing");
      this.blanks();
      if (this.text[this.at] === "=" && this.text[this.at + 1] !== "=") {
        this.at++;
        attributes[name] = this.expression();
        continue;
      }
      const own: string[] = [];
      while (this.text[this.at] !== "{") {
        const label = this.take(quoted)?.slice(1, -1) ?? this.take(identifier);
        if (label === undefined) throw this.error("a block does not begin");
        own.push(label);
        this.blanks();
      }
      this.at++;
      blocks.push(this.body(name, own, "}"));
    }
  }

  /** To the end of the line, or of what it has opened. */
  private expression(): string {
    const from = this.at;
    let depth = 0;
    while (this.at < this.text.length) {
      const char = this.text[this.at] ?? "";
      if (char === '"') this.string();
      else if (this.heredoc() || this.comment()) continue;
      else if ("([{".includes(char)) depth++;
      else if (")]}".includes(char)) {
        if (depth === 0) break;
        depth--;
      } else if ((char === "\n" || char === ";") && depth === 0) break;
      this.at++;
    }
    return this.text.slice(from, this.at).trim();
  }

  /** To the closing quote; templates in it may have quotes of their own. */
  private string(): void {
    for (let depth = 0, at = this.at + 1; at < this.text.length; at++) {
      const char = this.text[at];
      if (char === "\\") at++;
      // "$${" is a text, and opens nothing.
      else if (/^(\$\$|%%)\{/.test(this.text.slice(at, at + 3))) at += 2;
      else if ((char === "$" || char === "%") && this.text[at + 1] === "{") depth++;
      else if (char === "}" && depth > 0) depth--;
      else if (char === '"' && depth === 0) {
        this.at = at;
        return;
      }
    }
    throw this.error("a text has no end");
  }

  private heredoc(): boolean {
    const begun = /<<-?([A-Za-z_]\w*)[ \t]*\r?\n/y;
    begun.lastIndex = this.at;
    const found = begun.exec(this.text);
    if (!found) return false;
    const end = new RegExp(`^[ \\t]*${found[1]}[ \\t]*$`, "gm");
    end.lastIndex = begun.lastIndex;
    if (!end.exec(this.text)) throw this.error("a text has no end");
    this.at = end.lastIndex;
    return true;
  }

  private comment(): boolean {
    const one = /(?:#|\/\/)[^\n]*|\/\*[\s\S]*?\*\//y;
    one.lastIndex = this.at;
    if (!one.test(this.text)) return false;
    this.at = one.lastIndex;
    return true;
  }

  private error(what: string): HclError {
    return new HclError(`${what} (line ${this.text.slice(0, this.at).split("\n").length})`);
  }

  private blanks(): void {
    const space = /[\s,]+/y;
    for (;;) {
      space.lastIndex = this.at;
      if (space.test(this.text)) this.at = space.lastIndex;
      else if (!this.comment()) return;
    }
  }

  private take(what: RegExp): string | undefined {
    what.lastIndex = this.at;
    const found = what.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }
}

/** A file as one block without a type. Throws HclError. */
export function parseHcl(text: string): Block {
  return new Reader(text).body("", [], "");
}
