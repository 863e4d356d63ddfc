// Opens the pages in a headless browser as people do (light, dark, phone, paper) and fails on the first thing that is wrong:
// an accessibility violation, a request to anybody, a breach of the page's own policy, text over text, a page wider than
// the screen. Usage: node check.mjs DIR_WITH_PAGES DIR_FOR_PICTURES

import { createServer } from "node:http";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [pages, pictures] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const problems = [];

// The status page as guard serves it: style from the same server, policy in the header.
const server = createServer((request, response) => {
  const name = request.url === "/style.css" ? "style.css" : "status.html";
  response.setHeader("content-type", name.endsWith("css") ? "text/css" : "text/html; charset=utf-8");
  response.setHeader("content-security-policy", "default-src 'none'; style-src 'self'; img-src 'self' data:");
  response.end(readFileSync(join(pages, name)));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://127.0.0.1:${server.address().port}`;

const looks = {
  light: { viewport: { width: 1100, height: 1400 }, colorScheme: "light" },
  dark: { viewport: { width: 1100, height: 1400 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 1000 }, colorScheme: "light", deviceScaleFactor: 2 },
  print: { viewport: { width: 680, height: 962 }, colorScheme: "light" },
};

/** What is wrong on the page as it is laid out now. Runs inside the page. */
function layout() {
  const found = [];
  if (document.documentElement.scrollWidth > window.innerWidth) {
    found.push(`the page is ${document.documentElement.scrollWidth} wide on a screen of ${window.innerWidth}`);
  }
  for (const picture of document.querySelectorAll("svg[role=img]")) {
    if (picture.getBoundingClientRect().width === 0) continue;
    const frame = picture.getBoundingClientRect();
    const texts = [...picture.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect()]);
    texts.forEach(([text, a], i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1) found.push(`"${text}" sticks out of its picture`);
      for (const [other, b] of texts.slice(i + 1)) {
        const over = Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
        if (over) found.push(`"${text}" and "${other}" overlap`);
      }
    });
  }
  return found;
}

async function check(name, address, allowed) {
  for (const [look, options] of Object.entries(looks)) {
    const where = `${name}, ${look}`;
    const context = await browser.newContext(options);
    await context.route("**/*", (route) => {
      if (allowed.includes(route.request().url())) return route.continue();
      problems.push(`${where}: requests ${route.request().url()}`);
      return route.abort();
    });
    const page = await context.newPage();
    page.on("console", (message) => problems.push(`${where}: console: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`${where}: ${error}`));
    if (look === "print") await page.emulateMedia({ media: "print" });
    await page.goto(address);
    problems.push(...(await page.evaluate(layout)).map((problem) => `${where}: ${problem}`));
    const picture = join(pictures, `${name}-${look}.png`);
    await page.screenshot({ path: picture, clip: { x: 0, y: 0, ...options.viewport }, fullPage: true });
    if (process.env.GUARD_FULL_PAGES) {
      await page.screenshot({ path: join(process.env.GUARD_FULL_PAGES, `${name}-${look}-full.png`), fullPage: true });
    }
    if (look === "print") {
      const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
      const count = (pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? []).length;
      if (process.env.GUARD_FULL_PAGES) writeFileSync(join(process.env.GUARD_FULL_PAGES, `${name}.pdf`), pdf);
      console.log(`${name}.pdf: ${count} pages, ${pdf.length} bytes`);
      if (count === 0) problems.push(`${name}.pdf has no page`);
    }
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    problems.push(...(await page.evaluate(layout)).map((problem) => `${where}, opened: ${problem}`));
    await page.evaluate(axe);
    const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations", "incomplete"] }));
    for (const violation of result.violations) {
      const nodes = violation.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ");
      problems.push(`${where}: axe ${violation.id}: ${violation.help}: ${nodes}`);
    }
    await context.close();
    console.log(`${where}: ${result.passes?.length ?? 0} axe rules passed, ${result.violations.length} violated`);
  }
}

const profile = mkdtempSync(join(tmpdir(), "guard-browser-"));
const browser = await chromium.launch({
  executablePath: process.env.GUARD_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--disk-cache-dir=${profile}`],
});
try {
  for (const file of readdirSync(pages).filter((f) => f.endsWith(".html") && f !== "status.html")) {
    const address = pathToFileURL(join(pages, file)).href;
    await check(file.replace(/\.html$/, ""), address, [address]);
  }
  await check("status", `${origin}/`, [`${origin}/`, `${origin}/style.css`]);
} finally {
  await browser.close();
  server.close();
  rmSync(profile, { recursive: true, force: true });
}
for (const file of readdirSync(pictures).filter((f) => f.endsWith(".png"))) {
  console.log(`${file}: ${statSync(join(pictures, file)).size} bytes`);
}
if (problems.length > 0) {
  console.error(`${problems.length} problems:\n  ${problems.join("\n  ")}`);
  process.exit(1);
}
