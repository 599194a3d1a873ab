// Every page by the rules of axe-core (WCAG 2.2 AA and good practice), in light and
// dark, wide and narrow; and by keyboard alone, without scripts.
import axe from 'axe-core'
import { check, input, open, signIn } from './browser.mjs'

const looks = [
  { scheme: 'light', viewport: { width: 1200, height: 900 } },
  { scheme: 'dark', viewport: { width: 1200, height: 900 } },
  { scheme: 'light', viewport: { width: 320, height: 640 } }, // 1280 at 400 % (WCAG 1.4.10)
]
const wrong = []
// audit looks at the page that is shown.
async function audit(page, name) {
  for (const { scheme, viewport } of looks) {
    await page.setViewport(viewport)
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
    if (!await page.evaluate('typeof axe === "object"')) await page.evaluate(axe.source)
    const found = await page.evaluate(() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
    for (const v of found.violations) wrong.push(`${name}, ${scheme}, ${viewport.width}: ${v.id}: ${v.help}: ${v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')}`)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    if (wide > 0) wrong.push(`${name}, ${viewport.width}: ${wide} pixels are beyond the edge`)
    if (input.pictures) await page.screenshot({ path: `${input.pictures}/${name}-${scheme}-${viewport.width}.png`, fullPage: true })
  }
  await page.setViewport(looks[0].viewport)
}
const ask = scope => `${input.issuer}/auth/authorize?` + new URLSearchParams({
  response_type: 'code', client_id: input.client, redirect_uri: input.redirect, scope, state: 's', aud: input.issuer + '/fhir',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
})
const submit = (page, button = 'main form[method=post] button') => Promise.all([page.waitForNavigation(), page.click(button)])

const browser = await open()
try {
  const page = await browser.newPage()
  const go = path => page.goto(input.issuer + path)
  await go('/')
  await audit(page, 'home')
  await go('/account')
  await audit(page, 'sign-in')
  await signIn(page, { login: input.admin.login, password: 'not the password' })
  await audit(page, 'sign-in-wrong')
  check(await page.evaluate(() => document.activeElement.className) === 'problems', 'what is wrong has not the focus')
  await page.$eval('input[name=login]', e => { e.value = '' })
  await signIn(page, input.admin)
  for (const path of ['', '/sessions', '/security', '/users', '/users/new', '/clients', '/clients/app/' + input.client, '/policy']) {
    await go('/account' + path)
    await audit(page, 'account' + path.replaceAll('/', '-'))
  }
  await go('/account/security')
  await submit(page, 'form[action$="/totp"] button')
  await audit(page, 'authenticator')
  await go('/account/users/new')
  await page.type('#login', input.who.login)
  await submit(page)
  await audit(page, 'user-wrong')
  await page.$eval('#login', e => { e.value = 'somebody' })
  await submit(page)
  await audit(page, 'link-made')
  const link = await page.$eval('.secret code', e => e.textContent)
  await go('/account/nowhere')
  await page.goto(ask('patient/*.rs').replace('response_type=code', 'response_type=token').replace(input.client, 'nobody'))
  await audit(page, 'error')

  const other = await (await browser.createBrowserContext()).newPage()
  await other.goto(link)
  await audit(other, 'link')
  const user = await (await browser.createBrowserContext()).newPage()
  await user.goto(ask('openid fhirUser launch/patient launch/encounter offline_access patient/Observation.rs patient/*.rs'))
  await audit(user, 'app-sign-in')
  await signIn(user, input.who)
  await audit(user, 'patient')
  await user.click(`input[name=patient][value="${input.who.patient}"]`)
  await submit(user, 'main form[method=post] button')
  await audit(user, 'visit')
  await user.click('input[name=encounter]')
  await submit(user)
  await user.$$eval('details', all => all.forEach(e => { e.open = true }))
  await audit(user, 'consent')
  check(wrong.length === 0, wrong.join('\n'))

  // By keyboard alone, and without scripts.
  const keys = await (await browser.createBrowserContext()).newPage()
  await keys.setJavaScriptEnabled(false)
  const left = []
  await keys.setRequestInterception(true)
  keys.on('request', r => {
    if (!r.url().startsWith(input.redirect)) return r.continue()
    left.push(r.url())
    return r.respond({ status: 200, body: 'back' })
  })
  // reach tabs to an element, which must be seen to have the focus.
  async function reach(selector) {
    for (let i = 0; i < 60; i++) {
      await keys.keyboard.press('Tab')
      const at = await keys.evaluate(s => {
        const e = document.activeElement
        return e.matches(s) && { outline: getComputedStyle(e).outlineStyle }
      }, selector)
      if (at) return check(at.outline !== 'none', 'nobody sees where the focus is', selector)
    }
    throw new Error(`no key leads to ${selector}: ${await keys.$eval('main', e => e.innerText)}`)
  }
  await keys.goto(ask('openid launch/patient patient/Observation.rs patient/Condition.rs'))
  await reach('.skip')
  await reach('input[name=login]')
  await keys.keyboard.type(input.who.login)
  await reach('input[name=password]')
  await keys.keyboard.type(input.who.password)
  await Promise.all([keys.waitForNavigation(), keys.keyboard.press('Enter')])
  await reach('input[name=patient]')
  await keys.keyboard.press('Space')
  await reach('button:not([name])')
  await Promise.all([keys.waitForNavigation(), keys.keyboard.press('Enter')])
  await reach('input[name=scope][value="patient/Condition.rs"]')
  await keys.keyboard.press('Space')
  await reach('button[name=allow]')
  await Promise.all([keys.waitForNavigation(), keys.keyboard.press('Enter')])
  check(left.length === 1 && new URL(left[0]).searchParams.get('code'), 'the keys do not lead to the app', left, keys.url())
} finally {
  await browser.close()
}
