// Every flow that works without a browser, with oauth4webapi as it is; the names of those that were completed go to
// standard output. What they need comes as JSON on standard input.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as oauth from "oauth4webapi";

const { issuer, audience, redirect, verifier, codes, jwk } = JSON.parse(readFileSync(0, "utf-8"));
const insecure = { [oauth.allowInsecureRequests]: true }; // http, on loopback
const url = new URL(issuer);
const discovery = await oauth.discoveryRequest(url, { algorithm: "oauth2", ...insecure });
const as = await oauth.processDiscoveryResponse(url, discovery);

const web = { client_id: "web" };
const spa = { client_id: "spa" };
const nonced = { client_id: "nonced" };
const signer = { client_id: "signer" };
const rs = { client_id: "rs" };
const basic = oauth.ClientSecretBasic("secret");

async function machine(client, authentication, options = {}) {
  const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: "read" }, {
    ...insecure,
    ...options,
  });
  return oauth.processClientCredentialsResponse(as, client, response);
}

async function redeem(client, authentication, code, options = {}) {
  const response = new URLSearchParams({ code, state: "xyz", iss: issuer });
  const parameters = oauth.validateAuthResponse(as, client, response, "xyz");
  const all = { ...insecure, ...options };
  const answer = await oauth.authorizationCodeGrantRequest(
    as, client, authentication, parameters, redirect, verifier, all,
  );
  return oauth.processAuthorizationCodeResponse(as, client, answer);
}

async function refresh(client, authentication, token, options = {}) {
  const all = { ...insecure, ...options };
  const answer = await oauth.refreshTokenGrantRequest(as, client, authentication, token, all);
  return oauth.processRefreshTokenResponse(as, client, answer);
}

async function introspect(token, options = {}) {
  const answer = await oauth.introspectionRequest(as, rs, basic, token, { ...insecure, ...options });
  const client = options.requestJwtResponse ? { ...rs, introspection_signed_response_alg: "ES256" } : rs;
  const told = await oauth.processIntrospectionResponse(as, client, answer);
  if (options.requestJwtResponse) await oauth.validateApplicationLevelSignature(as, answer, insecure);
  return told;
}

async function accepted(token, type, options = {}) {
  const headers = { Authorization: `${type} ${token}`, ...options.headers };
  const request = new Request(`${audience}/thing`, { headers });
  return oauth.validateJwtAccessToken(as, request, audience, insecure);
}

const flows = {
  async discovery() {
    assert.equal(as.issuer, issuer);
  },
  async client_secret_basic() {
    const tokens = await machine(web, basic);
    const claims = await accepted(tokens.access_token, "Bearer");
    assert.equal(claims.sub, "web");
  },
  async client_secret_post() {
    assert.equal((await machine(web, oauth.ClientSecretPost("secret"))).token_type, "bearer");
  },
  async private_key_jwt() {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
    assert.equal((await machine(signer, oauth.PrivateKeyJwt(key))).token_type, "bearer");
  },
  async code_and_refresh_of_a_confidential_client() {
    const first = await redeem(web, basic, codes.web);
    const second = await refresh(web, basic, first.refresh_token);
    const claims = await accepted(second.access_token, "Bearer");
    assert.equal(claims.sub, "alice");
    assert.equal(claims.client_id, "web");
  },
  async code_and_rotation_of_a_public_client() {
    const first = await redeem(spa, oauth.None(), codes.spa);
    const second = await refresh(spa, oauth.None(), first.refresh_token);
    assert.notEqual(first.refresh_token, second.refresh_token);
    await refresh(spa, oauth.None(), second.refresh_token);
  },
  async dpop_with_a_nonce() {
    const DPoP = oauth.DPoP(nonced, await oauth.generateKeyPair("ES256"));
    const nonceless = await redeem(nonced, oauth.None(), codes.nonced, { DPoP }).catch((error) => error);
    assert.ok(oauth.isDPoPNonceError(nonceless));
    const first = await redeem(nonced, oauth.None(), codes.nonced, { DPoP });
    assert.equal(first.token_type, "dpop");
    const second = await refresh(nonced, oauth.None(), first.refresh_token, { DPoP });
    const told = await introspect(second.access_token);
    assert.equal(told.cnf.jkt, await DPoP.calculateThumbprint());
    const thief = oauth.DPoP(nonced, await oauth.generateKeyPair("ES256"));
    const stolen = () => refresh(nonced, oauth.None(), second.refresh_token, { DPoP: thief });
    await assert.rejects(stolen, (error) => oauth.isDPoPNonceError(error));
    await assert.rejects(stolen, { error: "invalid_grant" });
  },
  async introspection_signed_and_not() {
    const { access_token } = await machine(web, basic);
    const plain = await introspect(access_token);
    const signed = await introspect(access_token, { requestJwtResponse: true });
    assert.equal(plain.active, true);
    assert.deepEqual(signed, plain);
  },
  async revocation() {
    const { access_token } = await machine(web, basic);
    const answer = await oauth.revocationRequest(as, web, basic, access_token, insecure);
    assert.equal(await oauth.processRevocationResponse(answer), undefined);
    assert.deepEqual(await introspect(access_token), { active: false });
  },
  async errors() {
    await assert.rejects(machine(web, oauth.ClientSecretPost("wrong")), oauth.WWWAuthenticateChallengeError);
    await assert.rejects(redeem(web, basic, "unknown"), { error: "invalid_grant", status: 400 });
  },
};

for (const [name, flow] of Object.entries(flows)) {
  await flow();
  console.log(name);
}
