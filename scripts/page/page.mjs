// The page of `gauntlet serve` in a real browser: node scripts/page/page.mjs [BINARY] [FOLDER-FOR-PICTURES]
//
// Needs Chromium (CHROMIUM, or /usr/bin/chromium) and `npm ci` in this folder. With GAUNTLET_GUESTS, the folder that `gauntlet guests build
// python javascript --cache FOLDER` has filled, programs in both languages are run, too. Every check is a sentence; the first that does not hold ends
// the run with 1. What is waited for is always something on the page, never time.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const binary = process.argv[2] ?? "target/release/gauntlet";
const pictures = process.argv[3];
const guests = process.env.GAUNTLET_GUESTS;
if (pictures) mkdirSync(pictures, { recursive: true });

/** Starts a service on a port of its own and says where it is. */
async function serve(...more) {
  const data = mkdtempSync(join(tmpdir(), "gauntlet-page-"));
  // As root, workers run as somebody else, who has to get there.
  chmodSync(data, 0o755);
  const child = spawn(binary, ["serve", "--listen", "127.0.0.1:0", "--address-rate", "100000", "--data", data, ...(guests ? ["--guests", guests] : []), ...more]);
  const said = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const found = /^listening on (\S+)/.exec(line);
    if (found) return { url: found[1], child, data };
  }
  throw new Error(`the service ended: ${said.join("\n")}`);
}

/** A preview 1 module, by hand: sections of types, imports, functions, memory, exports, code and data. */
function module(body, data, withPathOpen = false) {
  const leb = (n) => {
    const out = [];
    do {
      out.push((n & 127) | (n > 127 ? 128 : 0));
      n >>>= 7;
    } while (n);
    return out;
  };
  const sleb = (n) => {
    const out = [];
    for (;;) {
      const byte = n & 127;
      n >>= 7;
      if ((n === 0 && !(byte & 64)) || (n === -1 && byte & 64)) return [...out, byte];
      out.push(byte | 128);
    }
  };
  const text = (s) => [...leb(Buffer.byteLength(s)), ...Buffer.from(s)];
  const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
  const bytes = Buffer.from(data, "latin1");
  const wasi = "wasi_snapshot_preview1";
  const imports = [[...text(wasi), ...text("fd_write"), 0, 1]];
  if (withPathOpen) imports.push([...text(wasi), ...text("path_open"), 0, 2]);
  const code = [0, ...body({ sleb, length: bytes.length }), 11];
  return Buffer.from([
    0, 97, 115, 109, 1, 0, 0, 0,
    ...section(1, [3, 0x60, 0, 0, 0x60, 4, 127, 127, 127, 127, 1, 127, 0x60, 9, 127, 127, 127, 127, 127, 126, 126, 127, 127, 1, 127]),
    ...section(2, [imports.length, ...imports.flat()]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...text("memory"), 2, 0, ...text("_start"), 0, imports.length]),
    ...section(10, [1, ...leb(code.length), ...code]),
    ...section(11, [1, 0, 0x41, ...sleb(64), 11, ...leb(bytes.length), ...bytes]),
  ]).toString("base64");
}

const i32 = (sleb, n) => [0x41, ...sleb(n)];
const store = (sleb, at, n) => [...i32(sleb, at), ...i32(sleb, n), 0x36, 2, 0];
const write = (fd) => ({ sleb, length }) => [
  ...store(sleb, 0, 64), ...store(sleb, 4, length),
  ...i32(sleb, fd), ...i32(sleb, 0), ...i32(sleb, 1), ...i32(sleb, 8), 0x10, 0, 0x1a,
];
const says = (text, fd = 1) => module(write(fd), text);
const forever = (text) => module((tools) => [...write(1)(tools), 3, 0x40, 12, 0, 11], text);
const floods = (text) => module((tools) => [3, 0x40, ...write(1)(tools), 12, 0, 11], text);
// Opens a path below descriptor 3, which nothing was granted as.
const opens = (path) => module(({ sleb, length }) => [
  ...i32(sleb, 3), ...i32(sleb, 0), ...i32(sleb, 64), ...i32(sleb, length), ...i32(sleb, 0), 0x42, 2, 0x42, 0, ...i32(sleb, 0), ...i32(sleb, 32),
  0x10, 1, 0x1a,
], path, true);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const services = [];
const faults = [];

/** A page of a service, with everything that the browser complains about collected. */
async function open(service, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 1000 }, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  page.on("dialog", (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(service.url)) faults.push(`a request to ${request.url()}`);
  });
  await page.goto(service.url);
  await page.waitForFunction(() => document.querySelector("#language").options.length > 0);
  await page.selectOption("#language", "wasm");
  return page;
}

async function run(page, code, policy = "") {
  await page.fill("#code", code);
  if (policy || (await page.inputValue("#policy"))) {
    await page.evaluate(() => { document.querySelector("details").open = true; });
    await page.fill("#policy", policy);
  }
  await page.click("#run");
}

const over = (page) => page.waitForFunction(() => document.querySelector("#stop").disabled);
const picture = async (page, name) => pictures && page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
const text = (page, id) => page.locator(id).textContent();

async function check(sentence, work) {
  await work();
  assert.deepEqual(faults, [], sentence);
  console.log(`ok: ${sentence}`);
}

try {
  const service = await serve();
  services.push(service);
  const page = await open(service);

  await check("a program runs; output, errors, exit code and usage are shown", async () => {
    await run(page, says("hello\n"));
    await over(page);
    assert.equal(await text(page, "#stdout"), "hello\n");
    assert.equal(await text(page, "#stderr"), "(nothing)");
    assert.match(await text(page, "#facts"), /Endedreturned.*Exit code0/s);
    assert.ok(await page.locator("#usage progress").count() > 3);
    assert.match(await text(page, "#status"), /Done/);
    await picture(page, "wide");
  });

  await check("errors stand apart from output", async () => {
    await run(page, says("oh\n", 2));
    await over(page);
    assert.equal(await text(page, "#stderr"), "oh\n");
    assert.equal(await text(page, "#stdout"), "(nothing)");
  });

  await check("a run that is cut says so, with what it wrote until then", async () => {
    await run(page, forever("still here\n"), '{"limits": {"deadline": "300ms"}}');
    await page.waitForFunction(() => document.querySelector("#stdout").textContent === "still here\n");
    await over(page);
    assert.match(await text(page, "#facts"), /limit-reached: limit-deadline.*124/s);
    assert.match(await text(page, "#problem"), /limit `deadline` of 300 ms/);
    assert.equal(await text(page, "#stdout"), "still here\n");
    assert.ok(await page.locator("#usage progress.full").count() >= 1);
    await picture(page, "cut");
  });

  await check("Stop ends a run, here and on the server", async () => {
    await run(page, forever("begun\n"), "");
    await page.waitForFunction(() => document.querySelector("#stdout").textContent === "begun\n");
    assert.equal(await page.locator("#run").isDisabled(), true);
    assert.equal(await page.locator("#program").getAttribute("aria-busy"), "true");
    await page.click("#stop");
    await over(page);
    assert.match(await text(page, "#status"), /Stopped/);
    for (;;) {
      const health = await (await fetch(`${service.url}/healthz`)).json();
      if (health.running === 0) break;
    }
  });

  await check("a flood of output is cut, shown up to a bound, and the page still answers", async () => {
    await run(page, floods("0123456789".repeat(200)));
    await over(page);
    const shown = await text(page, "#stdout");
    assert.ok(shown.length > 150_000 && shown.length < 250_000, String(shown.length));
    assert.match(shown, /more characters are not shown/);
    assert.match(await text(page, "#facts"), /cut at its limit/);
    await picture(page, "flood");
  });

  await check("hostile output is text: no markup, no control characters, no reversed lines", async () => {
    const hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31mred\x07\xe2\x80\xaegnp.exe\n\nevent: result\ndata: {}\n\n" + "wide ".repeat(60) + "x".repeat(400);
    await run(page, says(hostile));
    await over(page);
    const shown = await text(page, "#stdout");
    assert.ok(shown.startsWith("<script>alert(1)</script><img src=x onerror=alert(2)>\\u{1b}[31mred\\u{7}\\u{202e}gnp.exe"), shown);
    assert.equal(await page.locator("#stdout script, #stdout img").count(), 0);
    assert.match(shown, /event: result/);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    await picture(page, "hostile");
  });

  await check("what was denied is listed, with why", async () => {
    await run(page, opens("../../etc/<b>passwd</b>"));
    await over(page);
    assert.equal(await page.locator("#denied").isVisible(), true, await text(page, "#result"));
    assert.match(await text(page, "#denials"), /denied-/);
    assert.equal(await page.locator("#denials b").count(), 0);
    await picture(page, "denied");
  });

  for (const [language, code, says, error] of guests ? [
    ["python", "import sys\nprint(6 * 7, sys.stdin.read())\nnothing", "42 hello\n", /NameError: name 'nothing' is not defined/],
    ["javascript", "console.log([1, 2, 3].map((n) => n * 14).join(' '))\nnothing", "14 28 42\n", /nothing is not defined/],
  ] : []) {
    await check(`a program in ${language} runs, and its error stands apart`, async () => {
      await page.selectOption("#language", language);
      await page.evaluate(() => { document.querySelector("details").open = true; });
      await page.fill("#stdin", "hello");
      do {
        await run(page, code);
        await over(page);
        // Where the service has just begun, its interpreters are being compiled.
      } while ((await page.locator("#problem").isVisible()) && /being compiled/.test(await text(page, "#problem")));
      assert.equal(await text(page, "#stdout"), says);
      assert.match(await text(page, "#stderr"), error);
      assert.match(await text(page, "#facts"), /Exit code1/);
      await picture(page, language);
      await page.fill("#stdin", "");
      await page.selectOption("#language", "wasm");
    });
  }

  await check("a policy that widens is refused with its key, and one that is no JSON before it is sent", async () => {
    await run(page, says("x"), '{"limits": {"memory": "8GiB"}}');
    await over(page);
    assert.match(await text(page, "#problem"), /limits\.memory/);
    assert.match(await text(page, "#problem"), /403/);
    await run(page, says("x"), "{limits");
    assert.match(await text(page, "#problem"), /not JSON/);
    await picture(page, "refused");
  });

  await check("everything can be done with the keyboard, and is named for a screen reader", async () => {
    await page.fill("#policy", "");
    await page.fill("#code", says("by keys\n"));
    await page.focus("#code");
    await page.keyboard.press("Control+Enter");
    await over(page);
    assert.equal(await text(page, "#stdout"), "by keys\n");
    await page.focus("#code");
    const reached = [];
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
    }
    assert.ok(reached.includes("run") && reached.includes("stdout"), reached.join(" "));
    const nameless = await page.evaluate(() => [...document.querySelectorAll("textarea, select, input, button, progress, pre")]
      .filter((it) => !(it.labels?.length || it.getAttribute("aria-label") || it.textContent.trim())).map((it) => it.outerHTML));
    assert.deepEqual(nameless, []);
    assert.equal(await page.locator("#status").getAttribute("aria-live"), "polite");
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
  });

  await check("a narrow screen shows all of it without a sideways scroll", async () => {
    const narrow = await open(service, { viewport: { width: 320, height: 700 } });
    await run(narrow, says("narrow ".repeat(40)));
    await over(narrow);
    assert.equal(await narrow.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    await picture(narrow, "narrow");
    await narrow.context().close();
  });

  await check("dark is dark, and text on it can be read", async () => {
    const dark = await open(service, { colorScheme: "dark" });
    await run(dark, forever("in the dark\n"), '{"limits": {"deadline": "200ms"}}');
    await over(dark);
    for (const scheme of ["dark", "light"]) {
      await dark.emulateMedia({ colorScheme: scheme });
      const low = await dark.evaluate(() => {
        const light = (color) => {
          const [r, g, b] = color.match(/[\d.]+/g).map((n) => n / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const back = (it) => {
          for (; it; it = it.parentElement) {
            const color = getComputedStyle(it).backgroundColor;
            if (!/, 0\)$|transparent/.test(color)) return color;
          }
          return "rgb(255, 255, 255)";
        };
        return [...document.querySelectorAll("h1, h1 span, h2, label, p, dd, dt, pre, button, a, li span, textarea, select")]
          .filter((it) => it.offsetParent && !it.disabled)
          .map((it) => {
            const [a, b] = [light(getComputedStyle(it).color), light(back(it))].sort((x, y) => y - x);
            return [it.tagName, it.id, (a + 0.05) / (b + 0.05)];
          })
          .filter(([, , ratio]) => ratio < 4.5);
      });
      assert.deepEqual(low, [], scheme);
      await picture(dark, scheme);
    }
    await dark.context().close();
  });

  await check("with keys, the page asks for one and keeps it to itself", async () => {
    const made = spawn(binary, ["serve", "keys", "create", "--tenant", "page", "--data", service.data]);
    let key = "";
    for await (const piece of made.stdout) key += piece;
    await run(page, says("with a key\n"));
    await over(page);
    assert.match(await text(page, "#problem"), /an API key is needed \(401\)/);
    await page.fill("#key", key.trim());
    await page.click("#run");
    await over(page);
    assert.equal(await text(page, "#stdout"), "with a key\n");
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie, location.search]), [0, 0, "", ""]);
  });

  await check("a connection that is lost is said to be, and what came is kept", async () => {
    await run(page, forever("before the end\n"));
    await page.waitForFunction(() => document.querySelector("#stdout").textContent === "before the end\n");
    service.child.kill("SIGKILL");
    await over(page);
    assert.match(await text(page, "#problem"), /The connection was lost/);
    assert.equal(await text(page, "#stdout"), "before the end\n");
    await page.click("#run");
    await over(page);
    assert.match(await text(page, "#problem"), /The connection was lost/);
    await picture(page, "lost");
  });
  console.log("the page is as it should be");
} finally {
  await browser.close();
  for (const { child, data } of services) {
    child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
}
