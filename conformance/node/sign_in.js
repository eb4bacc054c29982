// People and programs that sign in by a provider others have written: the code flow as a browser goes it, with its cookies and
// the provider's own forms; and access tokens.

const fs = require("node:fs");
const path = require("node:path");
const { spawn } = require("node:child_process");

const demo = JSON.parse(fs.readFileSync(process.env.ANTEROOM_DEMO, "utf8"));
const base = demo.base_url;
const tenant = demo.tenant ?? "fjordby";
const api = `${base}/v1/tenants/${tenant}`;
const key = { "x-api-key": demo.api_key, "content-type": "application/json" };
const secret = "of the conformance ring / with + signs";

let passed = 0;
let failed = 0;

async function step(name, work) {
  try {
    await work();
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}: ${error.stack ?? error}`);
  }
}

function must(condition, what) {
  if (!condition) throw new Error(what);
}

// A browser: keeps cookies by host and port, follows redirects, and fills in the one form of a page.
class Browser {
  jar = new Map();

  async go(address, form) {
    for (let hops = 0; hops < 20; hops += 1) {
      const url = new URL(address);
      const kept = this.jar.get(url.host) ?? new Map();
      const cookie = [...kept].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = cookie ? { cookie } : {};
      const body = form && new URLSearchParams(form);
      const answer = await fetch(url, { method: form ? "POST" : "GET", headers, body, redirect: "manual" });
      for (const line of answer.headers.getSetCookie()) {
        const [pair] = line.split(";");
        const at = pair.indexOf("=");
        const gone = pair.length === at + 1 || /expires=Thu, 01 Jan 1970/i.test(line);
        if (gone) kept.delete(pair.slice(0, at));
        else kept.set(pair.slice(0, at), pair.slice(at + 1));
      }
      this.jar.set(url.host, kept);
      if (answer.status < 300 || answer.status > 399) {
        return { status: answer.status, url: url.href, text: await answer.text(), headers: answer.headers };
      }
      address = new URL(answer.headers.get("location"), url).href;
      form = undefined;
    }
    throw new Error("too many redirects");
  }

  async submit(page, values) {
    const form = page.text.match(/<form[^>]*action="([^"]+)"[\s\S]*?<\/form>/);
    must(form, `no form at ${page.url}: ${page.text.slice(0, 300)}`);
    const hidden = [...form[0].matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    return this.go(new URL(form[1].replaceAll("&amp;", "&"), page.url).href, { ...Object.fromEntries(hidden), ...values });
  }

  // From the button of the dashboard to where the provider sends it back.
  async signIn(login) {
    const dashboard = await this.go(`${base}/dashboard/${tenant}`);
    const button = dashboard.text.match(/href="(\/sign-in\/[^"]+)"/);
    must(dashboard.status === 401 && button, `no button: ${dashboard.status} ${dashboard.text.slice(0, 300)}`);
    let page = await this.go(`${base}${button[1]}`);
    page = await this.submit(page, { login, password: "any" });
    if (page.text.includes("prompt\" value=\"consent\"")) page = await this.submit(page, {});
    return page;
  }

  ask(target, method = "GET", headers = {}, body = undefined) {
    const kept = this.jar.get(new URL(base).host) ?? new Map();
    const cookie = [...kept].map(([name, value]) => `${name}=${value}`).join("; ");
    return fetch(target, { method, headers: { cookie, ...headers }, body });
  }
}

async function startProvider(redirect) {
  const env = { ...process.env, REDIRECT_URI: redirect, CLIENT_SECRET: secret };
  const child = spawn(process.execPath, [path.join(__dirname, "provider.mjs")], { env, stdio: ["ignore", "pipe", "ignore"] });
  const issuer = await new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      const line = text.split("\n").find((one) => one.startsWith("http://"));
      if (line && text.includes("\n")) resolve(line.trim());
    });
    child.on("exit", (code) => reject(new Error(`the provider ended with ${code}`)));
  });
  return { child, issuer };
}

async function main() {
  const { child, issuer } = await startProvider(`${base}/sign-in/callback`);
  try {
    await step("a provider is made and found by discovery", async () => {
      const settings = {
        scopes: ["email", "profile", "roles"],
        domains: ["city.example"],
        roles: { "rooms-admin": "tenant_admin" },
        create_principals: true,
        audiences: ["urn:anteroom"],
      };
      const body = JSON.stringify({ name: "ring", label: "Ring", issuer, client_id: "anteroom", client_secret: secret, settings });
      const made = await fetch(`${api}/providers`, { method: "POST", headers: key, body });
      must(made.status === 201, `${made.status} ${await made.text()}`);
      const looked = await fetch(`${api}/providers/ring/look`, { method: "POST", headers: key });
      const told = await looked.json();
      must(looked.status === 200 && told.keys > 0, JSON.stringify(told));
      must(told.redirect_uri === `${base}/sign-in/callback`, told.redirect_uri);
    });

    const ann = new Browser();
    await step("a browser signs in by the provider's own forms and sees the dashboard", async () => {
      const page = await ann.signIn("ann");
      must(page.status === 200 && page.url === `${base}/dashboard/${tenant}`, `${page.status} ${page.url} ${page.text.slice(0, 500)}`);
      must(page.text.includes("Sign out"), "no way out");
    });

    let own;
    await step("REST takes the session, and a change only with the form token", async () => {
      own = await (await ann.ask(`${base}/v1/session`)).json();
      must(own.login === "ann@city.example" && own.role === "tenant_admin", JSON.stringify(own));
      const body = JSON.stringify({ name: "Ring room" });
      const json = { "content-type": "application/json" };
      const bare = await ann.ask(`${api}/rooms`, "POST", json, body);
      must(bare.status === 403, `${bare.status}`);
      const made = await ann.ask(`${api}/rooms`, "POST", { ...json, "x-csrf-token": own.form_token }, body);
      must(made.status === 201, `${made.status} ${await made.text()}`);
    });

    await step("the audit names session and provider", async () => {
      const { items } = await (await fetch(`${api}/audit?limit=50`, { headers: key })).json();
      const room = items.find((one) => one.action === "room.create" && one.actor === "principal:ann@city.example");
      must(room && room.request.session_id === own.session_id, JSON.stringify(room));
      must(items.some((one) => one.action === "session.begin" && one.detail.includes("provider ring")), "no sign-in");
    });

    await step("somebody without a role sees a page that says so", async () => {
      const page = await new Browser().signIn("bob");
      must(page.status === 403 && page.text.includes("bob@city.example with the role member"), `${page.status} ${page.text.slice(-600)}`);
    });

    await step("somebody of another domain is not let in", async () => {
      const page = await new Browser().signIn("eve");
      must(page.status === 403 && page.text.includes("not of a domain"), `${page.status} ${page.text.slice(-600)}`);
    });

    await step("the answer of the provider cannot be used again", async () => {
      const page = await ann.go(`${base}/sign-in/callback?code=x&state=y`);
      must(page.status === 400, `${page.status}`);
    });

    let token;
    await step("a program signs in with an access token that the provider signed", async () => {
      const authorization = `Basic ${Buffer.from(`script:${encodeURIComponent(secret)}`).toString("base64")}`;
      const body = new URLSearchParams({ grant_type: "client_credentials", resource: "urn:anteroom", scope: "api" });
      const answer = await fetch(`${issuer}/token`, { method: "POST", headers: { authorization }, body });
      const told = await answer.json();
      token = told.access_token;
      must(answer.status === 200 && token.split(".").length === 3, JSON.stringify(told));
      const who = await fetch(`${base}/v1/session`, { headers: { authorization: `Bearer ${token}` } });
      const session = await who.json();
      must(who.status === 200 && session.login === "script" && session.role === "member", JSON.stringify(session));
      const rooms = await fetch(`${api}/rooms`, { headers: { authorization: `Bearer ${token}` } });
      must([200, 403].includes(rooms.status), `${rooms.status}`);
    });

    await step("a token for another audience and a changed one are refused", async () => {
      const authorization = `Basic ${Buffer.from(`script:${encodeURIComponent(secret)}`).toString("base64")}`;
      const body = new URLSearchParams({ grant_type: "client_credentials", resource: "urn:other", scope: "api" });
      const other = await (await fetch(`${issuer}/token`, { method: "POST", headers: { authorization }, body })).json();
      const changed = `${token.slice(0, -6)}AAAAAA`;
      for (const bad of [other.access_token, changed]) {
        const answer = await fetch(`${base}/v1/session`, { headers: { authorization: `Bearer ${bad}` } });
        must(answer.status === 401, `${answer.status} ${await answer.text()}`);
      }
    });

    await step("signing out ends the session", async () => {
      const page = await ann.go(`${base}/sign-out`, { form_token: own.form_token });
      must(page.status === 200 && page.text.includes("signed out"), `${page.status}`);
      must((await ann.ask(`${base}/v1/session`)).status === 401, "still signed in");
    });
  } finally {
    child.removeAllListeners("exit");
    child.kill();
  }
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
