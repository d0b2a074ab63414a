/**
 * A browser in the network namespace in which it is started, and people who use it: each has cookies of his own.
 *
 * The first line of standard input is { hosts: { <name>: <address> }, keys: [<SPKI's SHA-256, base64>] }: where names lead
 * (there are no others: a page that asks for a font elsewhere is not waited for), and of which public keys certificates are trusted besides those that the world trusts. Each further line is
 * { person, … } and one of
 *   go: <url>                         goes there
 *   submit: <selector>, fill: { <selector>: <text> }    fills in, presses, and waits for what comes
 *   wait: <selector>                  waits until the page's own script has shown that
 *   run: <expression>                 evaluates it in the page, and tells what it, or its promise, comes to
 *   cookies: true                     tells them
 *   picture: <path>                   takes a picture of the page
 * and is answered by a line: { url, status, title, text }, { cookies }, { came }, {} or { error }.
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { debianTree } from "../debian/tree.mjs";

const limit = 15_000;

async function start({ hosts, keys }) {
  const rules = Object.entries(hosts).map(
    ([name, address]) => `MAP ${name} ${address.includes(":") ? `[${address}]` : address}`,
  );
  return chromium.launch({
    executablePath: join(import.meta.dirname, "chromium.sh"),
    env: { ...process.env, HASHISTACK_BROWSER: debianTree() },
    // It has no rights to give up: it runs as nobody, in a tree of its own.
    chromiumSandbox: false,
    args: [
      `--host-resolver-rules=${[...rules, "MAP * ~NOTFOUND"].join(",")}`,
      `--ignore-certificate-errors-spki-list=${keys.join(",")}`,
    ],
  });
}

const people = new Map();

async function pageOf(browser, person) {
  const known = people.get(person);
  if (known) return known;
  const page = await (await browser.newContext({ viewport: { width: 640, height: 360 } })).newPage();
  page.setDefaultTimeout(limit);
  const own = { page, status: undefined };
  page.on("response", (response) => {
    if (response.request().isNavigationRequest() && response.frame() === page.mainFrame()) {
      own.status = response.status();
    }
  });
  people.set(person, own);
  return own;
}

async function shown({ page, status }) {
  return {
    url: page.url(),
    status,
    title: await page.title(),
    text: await page.locator("body").textContent(),
  };
}

async function carryOut(browser, told) {
  const own = await pageOf(browser, told.person);
  const { page } = own;
  if (told.go) {
    await page.goto(told.go);
    return shown(own);
  }
  if (told.submit) {
    for (const [selector, text] of Object.entries(told.fill ?? {})) await page.fill(selector, text);
    await Promise.all([page.waitForNavigation(), page.click(told.submit)]);
    return shown(own);
  }
  if (told.wait) {
    await page.waitForSelector(told.wait);
    return shown(own);
  }
  if (told.run) return { came: await page.evaluate(told.run) };
  if (told.cookies) return { cookies: await page.context().cookies() };
  if (told.picture) await page.screenshot({ path: told.picture });
  return {};
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
let browser;
for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  try {
    if (browser) say(await carryOut(browser, told));
    else {
      browser = await start(told);
      say({ version: browser.version() });
    }
  } catch (error) {
    say({ error: error.message });
  }
}
await browser?.close();
process.exit();
