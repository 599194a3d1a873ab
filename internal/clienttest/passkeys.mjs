// Passkeys, by the authenticator that Chromium has for tests: registration,
// sign-in with a passkey alone, a passkey as second factor, removal.
import { check, input, open, signIn } from './browser.mjs'

const browser = await open()
try {
  const page = await browser.newPage()
  const device = await page.createCDPSession()
  await device.send('WebAuthn.enable')
  const { authenticatorId } = await device.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  })
  const verified = isUserVerified => device.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  const text = () => page.$eval('main', e => e.innerText)
  const press = selector => Promise.all([page.waitForNavigation(), page.click(selector)])
  const signOut = () => press('header form button')
  const withPasskey = '[data-passkey=sign-in] button'
  // refused presses a button whose page says why nothing came of it.
  async function refused(button) {
    await page.click(button)
    await page.waitForFunction(() => document.querySelector('[data-passkey] [role=status]').textContent !== '')
  }

  await page.goto(input.issuer + '/account/security')
  await signIn(page, input.who)
  check((await text()).includes('You have none.'), 'a new user has passkeys', await text())
  await page.type('#passkey-name', 'my phone')
  await press('[data-passkey=register] button')
  check(/The passkey is added\.[^]*my phone/.test(await text()), 'it is not added', await text())
  const { credentials } = await device.send('WebAuthn.getCredentials', { authenticatorId })
  check(credentials.length === 1 && credentials[0].isResidentCredential && credentials[0].rpId === new URL(input.issuer).hostname, 'another passkey', credentials)
  await refused('[data-passkey=register] button') // the device has one for this user
  check((await device.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length === 1, 'a device has two of one user')

  // Alone, without a word typed.
  await signOut()
  await press(withPasskey)
  check(page.url() === input.issuer + '/account' && (await page.$eval('header', e => e.innerText)).includes(input.who.login), 'it does not sign in', page.url())

  // A device that does not know its user is one factor, which is too little.
  await signOut()
  await verified(false)
  await refused(withPasskey)
  check(page.url().includes('/account/sign-in'), 'a device that anybody has picked up signs in', page.url())

  // Beside a password, where the role needs it, it is the second one.
  const office = await (await browser.createBrowserContext()).newPage()
  await office.goto(input.issuer + '/account/policy')
  await signIn(office, input.admin)
  await office.click(`input[name=role][value="${input.role}"]`)
  await Promise.all([office.waitForNavigation(), office.click('main form button')])
  await signIn(page, input.who)
  check(/confirm with your passkey/.test(await text()), 'the password is enough', await text())
  await verified(true)
  await press(withPasskey)
  check(page.url() === input.issuer + '/account', 'no second factor', page.url(), await text())

  // Removed, it opens nothing.
  await page.goto(input.issuer + '/account/security')
  await press('form[action$="/passkeys/remove"] button')
  check(/Sign in again/.test(await text()), 'nobody is signed out', await text())
  await refused(withPasskey)
} finally {
  await browser.close()
}
