// Every flow with a person in it, with openid-client as it is. Whoever runs this is the person's browser: a line
// {"authorize": url} on standard output asks it to go there, and its answer is a line with where it ended up. The
// names of the flows that were completed come as {"done": name}.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import * as client from "openid-client";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value);
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
async function browse(url) {
  say({ authorize: url.href });
  return next();
}

const { issuer, jwk } = await next();
const options = { execute: [client.allowInsecureRequests] }; // http, on loopback
const spa = await client.discovery(new URL(issuer), "spa", undefined, client.None(), options);
const web = await client.discovery(new URL(issuer), "123456789", "987654321", undefined, options);
const tv = await client.discovery(new URL(issuer), "tv", undefined, client.None(), options);
const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
const signer = await client.discovery(
  new URL(issuer), "signer", { id_token_signed_response_alg: "ES256" }, client.PrivateKeyJwt(key), options,
);
client.enableNonRepudiationChecks(spa); // ID tokens are verified against /jwks, though they came straight from there

const SPA = "http://127.0.0.1:5173/callback";
const WEB = "http://localhost:8080/services/reservations/reserve/complete";
const SCOPE = "openid profile email offline_access read";

async function asked(redirect_uri, more = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const parameters = {
    redirect_uri,
    scope: SCOPE,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  };
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  return { parameters, checks };
}

async function signIn(config, redirect_uri, more = {}, build = client.buildAuthorizationUrl, dpop = {}) {
  const { parameters, checks } = await asked(redirect_uri, more);
  const { url } = await browse(await build(config, parameters));
  return client.authorizationCodeGrant(config, new URL(url), checks, undefined, dpop);
}

const flows = {
  async code_with_pkce() {
    const tokens = await signIn(spa, SPA);
    const claims = tokens.claims();
    assert.equal(claims.iss, issuer);
    assert.equal(claims.aud, "spa");
    assert.equal(claims.sub, "alice");
    assert.deepEqual(claims.amr, ["pwd"]);
  },
  async userinfo() {
    const tokens = await signIn(spa, SPA);
    const told = await client.fetchUserInfo(spa, tokens.access_token, tokens.claims().sub);
    assert.equal(told.name, "Alice Liddell");
    assert.equal(told.email, "alice@wonderland.example");
  },
  async single_sign_on() {
    const { parameters } = await asked(WEB, { prompt: "none" });
    const { url } = await browse(client.buildAuthorizationUrl(web, parameters));
    assert.equal(new URL(url).searchParams.get("error"), "consent_required");
    const scope = "openid profile read"; // offline_access is asked for each time
    const tokens = await signIn(web, WEB, { scope });
    const again = await signIn(web, WEB, { scope, prompt: "none" });
    assert.equal(again.claims().auth_time, tokens.claims().auth_time);
    assert.equal(again.claims().sid, tokens.claims().sid);
  },
  async max_age() {
    const { parameters, checks } = await asked(SPA, { max_age: "300" });
    const { url } = await browse(client.buildAuthorizationUrl(spa, parameters));
    const tokens = await client.authorizationCodeGrant(spa, new URL(url), { ...checks, maxAge: 300 });
    assert.equal(typeof tokens.claims().auth_time, "number");
  },
  async form_post() {
    const { parameters, checks } = await asked(WEB, { response_mode: "form_post" });
    const { posted } = await browse(client.buildAuthorizationUrl(web, parameters));
    const { action, ...fields } = posted;
    const request = new Request(action, { method: "POST", body: new URLSearchParams(fields) });
    const tokens = await client.authorizationCodeGrant(web, request, checks);
    assert.equal(tokens.claims().sub, "alice");
  },
  async pushed_request() {
    const tokens = await signIn(web, WEB, {}, client.buildAuthorizationUrlWithPAR);
    assert.equal(tokens.claims().aud, "123456789");
  },
  async request_object() {
    const build = (config, parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, key);
    const tokens = await signIn(signer, WEB, {}, build);
    assert.equal(tokens.claims().aud, "signer");
  },
  async pushed_request_object() {
    const build = async (config, parameters) => {
      const url = await client.buildAuthorizationUrlWithJAR(config, parameters, key);
      return client.buildAuthorizationUrlWithPAR(config, url.searchParams);
    };
    const tokens = await signIn(signer, WEB, {}, build);
    assert.equal(tokens.claims().aud, "signer");
  },
  async dpop_bound_code() {
    const DPoP = client.getDPoPHandle(spa, await client.randomDPoPKeyPair());
    const tokens = await signIn(spa, SPA, {}, client.buildAuthorizationUrl, { DPoP });
    assert.equal(tokens.token_type, "dpop");
    const told = await client.fetchUserInfo(spa, tokens.access_token, "alice", { DPoP });
    assert.equal(told.sub, "alice");
    const fresh = await client.refreshTokenGrant(spa, tokens.refresh_token, undefined, { DPoP });
    assert.equal(fresh.token_type, "dpop");
    await assert.rejects(client.refreshTokenGrant(spa, fresh.refresh_token), { error: "invalid_grant" });
  },
  async pushed_dpop_bound_code() {
    const DPoP = client.getDPoPHandle(web, await client.randomDPoPKeyPair());
    const build = (config, parameters) => client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    const tokens = await signIn(web, WEB, {}, build, { DPoP });
    assert.equal(tokens.token_type, "dpop");
  },
  async refresh() {
    const tokens = await signIn(spa, SPA);
    const fresh = await client.refreshTokenGrant(spa, tokens.refresh_token);
    assert.equal(fresh.claims().auth_time, tokens.claims().auth_time);
    await client.fetchUserInfo(spa, fresh.access_token, "alice");
  },
  async refused() {
    const { parameters, checks } = await asked(SPA, { scope: "openid vault" });
    const { url } = await browse(client.buildAuthorizationUrl(spa, parameters));
    await assert.rejects(client.authorizationCodeGrant(spa, new URL(url), checks), { error: "invalid_scope" });
  },
  async device() {
    const started = await client.initiateDeviceAuthorization(tv, { scope: "read" });
    const { page } = await browse(new URL(started.verification_uri_complete));
    assert.match(page, /Television/);
    const tokens = await client.pollDeviceAuthorizationGrant(tv, started);
    assert.equal(tokens.scope ?? "read", "read");
    assert.ok((await client.refreshTokenGrant(tv, tokens.refresh_token)).access_token);
  },
  async logout() {
    const tokens = await signIn(spa, SPA);
    const url = client.buildEndSessionUrl(spa, {
      post_logout_redirect_uri: "http://127.0.0.1:5173/signed-out",
      id_token_hint: tokens.id_token,
      state: "bye",
    });
    assert.equal((await browse(url)).url, "http://127.0.0.1:5173/signed-out?state=bye");
    const { parameters } = await asked(SPA, { prompt: "none" });
    const after = await browse(client.buildAuthorizationUrl(spa, parameters));
    assert.equal(new URL(after.url).searchParams.get("error"), "login_required");
  },
};

for (const [name, flow] of Object.entries(flows)) {
  await flow();
  say({ done: name });
}
process.exit(0);
