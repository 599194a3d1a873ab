// What a person does at Ingle's pages, in headless Chromium.
import puppeteer from 'puppeteer-core'

// open starts a browser; the caller closes it.
export async function open() {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  return puppeteer.launch({ executablePath: process.env.CHROMIUM, args, acceptInsecureCerts: true })
}

// signIn fills in the page that asks for login and password.
export async function signIn(page, who) {
  await page.type('input[name=login]', who.login)
  await page.type('input[name=password]', who.password)
  await Promise.all([page.waitForNavigation(), page.click('form:has(input[name=password]) button')])
}

// allow goes through the steps of an authorization request until the browser has
// left for the app, and returns the steps.
export async function allow(page, who) {
  const steps = []
  for (let i = 0; i < 8; i++) {
    const step = await page.$eval('form[method=post] input[name=step]', e => e.value).catch(() => '')
    if (!step) return steps
    steps.push(step)
    switch (step) {
      case 'sign-in':
        await signIn(page, who)
        continue
      case 'patient':
        await page.click(`input[name=patient][value="${who.patient}"]`)
        break
      case 'encounter':
        await page.click('input[name=encounter]')
        break
    }
    await Promise.all([page.waitForNavigation(), page.click('form[method=post] button')])
  }
  throw new Error(`the steps never end: ${steps.join(', ')}`)
}

// check throws unless something holds.
export function check(holds, what, ...details) {
  if (!holds) throw new Error([what, ...details.map(d => JSON.stringify(d))].join(' '))
}

// input is what the test gave, as JSON on the command line.
export const input = JSON.parse(process.argv[2])
