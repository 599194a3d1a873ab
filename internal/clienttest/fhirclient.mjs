// fhirclient, the SMART client of browsers: a standalone launch, an EHR launch,
// reading, refreshing, revoking.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { allow, check, input, open } from './browser.mjs'

const library = await readFile(new URL('node_modules/fhirclient/build/fhir-client.js', import.meta.url))

// The app: one page launches, one is come back to.
const pages = {
  '/launch.html': options => `FHIR.oauth2.authorize(${JSON.stringify(options)}).catch(e => { document.title = 'failed: ' + e.message })`,
  '/index.html': () => `FHIR.oauth2.ready()
    .then(client => { window.client = client; document.title = 'ready' })
    .catch(e => { document.title = 'failed: ' + e.message })`,
}
const app = createServer((request, response) => {
  const url = new URL(request.url, 'http://app')
  if (url.pathname === '/fhir-client.js') {
    return response.setHeader('Content-Type', 'text/javascript').end(library)
  }
  const script = pages[url.pathname]
  if (!script) return response.writeHead(404).end()
  const options = JSON.parse(url.searchParams.get('options') ?? 'null')
  response.setHeader('Content-Type', 'text/html')
  response.end(`<!doctype html><title>wait</title><script src="/fhir-client.js"></script><script>${script(options)}</script>`)
}).listen(0, '127.0.0.1')
await new Promise(resolve => app.once('listening', resolve))
const home = `http://127.0.0.1:${app.address().port}`

const browser = await open()
try {
  const page = await browser.newPage()

  // launch opens the app's launch page, allows what it asks for and waits until
  // the app is ready.
  async function launch(options, query, who) {
    const address = new URL('/launch.html', home)
    address.searchParams.set('options', JSON.stringify({ ...options, redirectUri: '/index.html', pkceMode: 'required' }))
    for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value)
    await page.goto(address.href)
    await page.waitForFunction(fhir => location.href.startsWith(fhir) || document.title.startsWith('failed'), {}, new URL('/', input.fhir).href)
    const steps = await allow(page, who)
    await page.waitForFunction(() => document.title !== 'wait')
    check(await page.title() === 'ready', 'the app is not ready:', await page.title(), page.url())
    return { steps, state: await page.evaluate(() => client.state.tokenResponse) }
  }

  const standalone = await launch({
    iss: input.fhir, clientId: input.client, scope: 'openid fhirUser launch/patient offline_access patient/Patient.rs patient/Observation.rs',
  }, {}, input.who)
  check(standalone.state.patient === input.who.patient, 'another patient', standalone)
  check(standalone.steps[0] === 'sign-in' && standalone.steps.at(-1) === 'consent', 'other steps', standalone.steps)
  const read = await page.evaluate(async () => ({
    patient: (await client.patient.read()).id,
    user: (await client.user.read()).id,
    observations: (await client.request('Observation?_count=50')).entry.map(e => e.resource.subject.reference),
    refused: await client.request('Condition').then(() => 200, e => e.statusCode ?? e.status),
  }))
  check(read.patient === input.who.patient && read.user === input.who.id, 'read', read)
  check(read.observations.length > 0 && read.observations.every(r => r === 'Patient/' + input.who.patient), 'Observations of others', read.observations)
  check(read.refused === 403, 'Conditions were not granted', read.refused)
  const refreshed = await page.evaluate(async () => {
    const before = client.state.tokenResponse
    await client.refresh()
    const after = client.state.tokenResponse
    return { changed: before.access_token !== after.access_token && before.refresh_token !== after.refresh_token, patient: (await client.patient.read()).id }
  })
  check(refreshed.changed && refreshed.patient === input.who.patient, 'refresh', refreshed)

  const ehr = await launch({ clientId: input.client, scope: 'openid fhirUser launch patient/*.rs' }, { iss: input.fhir, launch: input.launch }, input.who)
  check(!ehr.steps.includes('patient'), 'the launch names the patient', ehr.steps)
  check(ehr.state.patient === input.launched.patient && ehr.state.encounter === input.launched.encounter, 'another context', ehr.state)
  check(ehr.state.need_patient_banner !== undefined && ehr.state.smart_style_url, 'banner and style', ehr.state)
  const style = await (await fetch(ehr.state.smart_style_url)).json()
  check(Object.keys(style).length > 0, 'style', style)
  const gone = await page.evaluate(async revoke => {
    const token = client.state.tokenResponse.access_token
    const was = (await client.request('Encounter/' + client.state.tokenResponse.encounter)).resourceType
    await fetch(revoke, { method: 'POST', body: new URLSearchParams({ token, client_id: client.state.clientId }) })
    return [was, await client.request('Encounter').then(() => 200, e => e.statusCode ?? e.status ?? e.message)]
  }, input.revoke)
  check(gone[0] === 'Encounter' && gone[1] !== 200, 'a revoked token reads', gone)
} finally {
  await browser.close()
  app.close()
}
