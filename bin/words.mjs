import { parseArgs } from "node:util";

/**
 * Reads what was typed behind `npm start --`, `npm stop --` and the like. Help, and words that nobody knows, end the program
 * before anything is done.
 * @param {string} help all that is said of it
 * @param {string[]} flags without dashes
 * @returns {Record<string, boolean | undefined>}
 */
export function wordsTyped(help, flags = []) {
  const options = Object.fromEntries(["help", ...flags].map((name) => [name, { type: "boolean" }]));
  try {
    const { values } = parseArgs({ options });
    if (!values.help) return values;
    console.log(help);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message.split(". ")[0]}.\n\n${help}`);
    process.exit(2);
  }
}
