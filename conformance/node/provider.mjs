// An OpenID Connect provider as others have written it (oidc-provider, certified), for one gateway: prints its issuer once it
// listens. Whoever signs in is who they say; `ann` administers, `bob` has no role, and `eve` is of another domain.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const load = createRequire(path.join(process.env.NODE_FOLDER, "package.json"));
const { default: Provider } = await import(pathToFileURL(load.resolve("oidc-provider")).href);

const roles = { ann: ["rooms-admin"], bob: [], eve: ["rooms-admin"] };
const account = (id) => ({
  accountId: id,
  claims: () => ({
    sub: `subject-${id}`,
    name: `${id[0].toUpperCase()}${id.slice(1)} Example`,
    email: id === "eve" ? "eve@elsewhere.example" : `${id}@city.example`,
    email_verified: true,
    roles: roles[id] ?? [],
  }),
});

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "anteroom",
        client_secret: process.env.CLIENT_SECRET,
        redirect_uris: [process.env.REDIRECT_URI],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
      {
        client_id: "script",
        client_secret: process.env.CLIENT_SECRET,
        redirect_uris: [],
        grant_types: ["client_credentials"],
        response_types: [],
      },
    ],
    pkce: { methods: ["S256"], required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], roles: ["roles"] },
    scopes: ["openid", "email", "profile", "roles"],
    findAccount: (_, id) => account(id),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({
          scope: "api",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    cookies: { keys: ["of one run"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
