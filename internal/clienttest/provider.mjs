// oidc-provider as an outside OpenID Connect provider: somebody new signs in
// through it, an account there is linked to a user, and signs that user in.
import Provider from 'oidc-provider'
import { check, input, open, signIn } from './browser.mjs'

const provider = new Provider(`http://127.0.0.1:${input.port}`, {
  clients: [{
    client_id: 'ingle', client_secret: input.secret, redirect_uris: [input.issuer + '/auth/outside/back'],
    grant_types: ['authorization_code'], response_types: ['code'],
  }],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: 'Name of ' + id, preferred_username: id }) }),
  claims: { openid: ['sub', 'name', 'preferred_username'] },
  conformIdTokenClaims: false,
})
const server = provider.listen(Number(input.port), '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const failures = []
provider.on('server_error', (_, e) => failures.push(e.message))
provider.on('grant.error', (_, e) => failures.push(e.message))

const browser = await open()
// through signs an account in at the provider and comes back.
async function through(page, account) {
  await page.waitForSelector('input[name=login]')
  check(page.url().startsWith(provider.issuer), 'not at the provider', page.url())
  await signIn(page, { login: account, password: 'any' })
  if (page.url().startsWith(provider.issuer)) {
    await Promise.all([page.waitForNavigation(), page.click('button[type=submit]')]) // what Ingle may know
  }
}
const someone = async () => (await browser.createBrowserContext()).newPage()
const text = page => page.$eval('body', e => e.innerText)
try {
  // Somebody whom nobody knows becomes a nurse.
  const nurse = await someone()
  await nurse.goto(input.issuer + '/account/sign-in')
  await Promise.all([nurse.waitForNavigation(), nurse.click('a[href*="/auth/outside/to/hospital"]')])
  await through(nurse, 'outside-nurse')
  check(nurse.url() === input.issuer + '/account', 'not signed in', nurse.url(), await text(nurse))
  check((await text(nurse)).includes('Name of outside-nurse'), 'somebody else', await text(nurse))

  // Who is signed in links an account, and signs in with it from then on.
  const clinician = await someone()
  await clinician.goto(input.issuer + '/account/security')
  await signIn(clinician, input.who)
  await Promise.all([clinician.waitForNavigation(), clinician.click('form[action$="/outside/link"] button')])
  await Promise.all([clinician.waitForNavigation(), clinician.click('main a.button')])
  await through(clinician, 'account-of-a-clinician')
  check((await text(clinician)).includes('account-of-a-clinician'), 'not linked', clinician.url(), await text(clinician))
  const again = await someone()
  await again.goto(input.issuer + '/account/sign-in')
  await Promise.all([again.waitForNavigation(), again.click('a[href*="/auth/outside/to/hospital"]')])
  await through(again, 'account-of-a-clinician')
  check((await text(again)).includes(input.who.login), 'somebody else', again.url(), await text(again))

  // Who says no there is not signed in here.
  const nobody = await someone()
  await nobody.goto(input.issuer + '/account/sign-in')
  await Promise.all([nobody.waitForNavigation(), nobody.click('a[href*="/auth/outside/to/hospital"]')])
  await Promise.all([nobody.waitForNavigation(), nobody.click('a[href$="/abort"]')])
  check(nobody.url().startsWith(input.issuer) && /did not sign you in/.test(await text(nobody)), 'an abort signs in', nobody.url(), await text(nobody))
  await nobody.goto(input.issuer + '/account')
  check(nobody.url().includes('/account/sign-in'), 'an abort makes a session', nobody.url())
  check(failures.length === 0, 'the provider complains', failures)
} finally {
  await browser.close()
  server.close()
  server.closeAllConnections()
}
