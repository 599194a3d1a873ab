// openid-client: the code flow with PKCE, id_token and userinfo, refresh,
// introspection, revocation, and client_credentials by private_key_jwt.
import { createPrivateKey } from 'node:crypto'
import { createServer } from 'node:http'
import * as oidc from 'openid-client'
import { allow, check, input, open } from './browser.mjs'

const insecure = { execute: [oidc.allowInsecureRequests] }
const issuer = new URL(input.issuer)

const app = createServer((request, response) => response.end('welcome')).listen(0, '127.0.0.1')
await new Promise(resolve => app.once('listening', resolve))
const back = `http://127.0.0.1:${app.address().port}/callback`

const config = await oidc.discovery(issuer, input.client, undefined, oidc.ClientSecretBasic(input.secret), insecure)
const verifier = oidc.randomPKCECodeVerifier()
const state = oidc.randomState()
const nonce = oidc.randomNonce()
const address = oidc.buildAuthorizationUrl(config, {
  redirect_uri: back, scope: 'openid fhirUser launch/patient offline_access patient/Patient.rs', state, nonce, aud: input.fhir,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
})
const browser = await open()
let current
try {
  const page = await browser.newPage()
  await page.goto(address.href)
  await allow(page, input.who)
  current = new URL(page.url())
} finally {
  await browser.close()
  app.close()
}
check(current.href.startsWith(back), 'the browser did not come back', current.href)
check(current.searchParams.get('iss') === input.issuer, 'no issuer in the answer', current.href)
const tokens = await oidc.authorizationCodeGrant(config, current, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true })
const claims = tokens.claims()
check(claims.aud === input.client || claims.aud.includes(input.client), 'audience', claims)
check(claims.fhirUser.endsWith(input.who.user), 'fhirUser', claims)
check(tokens.patient === input.who.patient, 'patient', tokens)
const info = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
check(info.sub === claims.sub, 'userinfo', info)

const again = await oidc.authorizationCodeGrant(config, current, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce }).then(() => null, e => e)
check(again?.error === 'invalid_grant', 'a code was good twice', again)
const dead = await oidc.refreshTokenGrant(config, tokens.refresh_token).then(() => null, e => e)
check(dead?.error === 'invalid_grant', 'the family of a replayed code lives', dead)
check((await oidc.tokenIntrospection(config, tokens.access_token)).active === false, 'the token of a replayed code is active')

// A backend service.
const key = await crypto.subtle.importKey('pkcs8', createPrivateKey(input.key).export({ type: 'pkcs8', format: 'der' }), { name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign'])
const service = await oidc.discovery(issuer, input.service, undefined, oidc.PrivateKeyJwt({ key, kid: input.kid }), insecure)
const backend = await oidc.clientCredentialsGrant(service, { scope: 'system/Patient.rs' })
check(backend.token_type === 'bearer' && backend.expires_in <= 300 && !backend.refresh_token, 'backend', backend)
const active = await oidc.tokenIntrospection(service, backend.access_token)
check(active.active === true && active.scope === 'system/Patient.rs' && active.client_id === input.service, 'introspection', active)
const read = await fetch(input.fhir + '/Patient', { headers: { Authorization: 'Bearer ' + backend.access_token } })
check(read.status === 200, 'a backend token reads', read.status)
await oidc.tokenRevocation(service, backend.access_token)
check((await oidc.tokenIntrospection(service, backend.access_token)).active === false, 'a revoked token is active')
const after = await fetch(input.fhir + '/Patient', { headers: { Authorization: 'Bearer ' + backend.access_token } })
check(after.status === 401, 'a revoked token reads', after.status)
