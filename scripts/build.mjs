// Builds dist/: one CommonJS bundle per node with the .html that the editor loads, the entry points of child processes, the
// library, the demo and the benchmarks.
import { build } from 'esbuild';
import { chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { benchmarkNames } from './benchmarks.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const partial = process.argv.includes('--partial');
const staging = join(root, `.cache/dist-${process.pid}`);
const problems = [];
let nodesBuilt = 0;

const common = { bundle: true, charset: 'utf8', legalComments: 'none', logLevel: 'silent', absWorkingDir: root };
const forNode = { ...common, platform: 'node', format: 'cjs', target: 'node20', packages: 'external' };

/** The errors of esbuild, one line each, with the place. */
function linesOf(error) {
  const lines = (error.errors ?? []).map(({ text, location }) =>
    location ? `${location.file}:${location.line}:${location.column}: ${text}` : text,
  );
  return lines.length > 0 ? lines : [error.message];
}

async function bundle(options) {
  try {
    return await build(options);
  } catch (error) {
    problems.push(...linesOf(error));
    return null;
  }
}

/** What the Flow Library reads in the built editor script: `registerType` with a string and an object, both written out. */
function registeredTypes(script, where) {
  const types = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      if (node.expression.name.text === 'registerType') {
        const [type, definition] = node.arguments;
        if (!type || !ts.isStringLiteral(type))
          problems.push(`${where}: the type in registerType is no string literal`);
        else types.push(type.text);
        if (!definition || !ts.isObjectLiteralExpression(definition)) {
          problems.push(`${where}: the definition in registerType is no object literal`);
        } else if (definition.properties.some((property) => ts.isSpreadAssignment(property))) {
          problems.push(`${where}: the definition in registerType has a spread: write its properties out`);
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(where, script, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS));
  return types;
}

function hasText(catalogue, key) {
  const value = key.split('.').reduce((part, name) => part?.[name], catalogue);
  return typeof value === 'string';
}

/** `data-i18n="key"` or `data-i18n="[title]key;[placeholder]key"`; keys of other catalogues have a colon. */
function missingTexts(form, catalogue) {
  const keys = [...form.matchAll(/data-i18n="([^"]*)"/g)].flatMap(([, value]) =>
    value.split(';').map((part) => part.replace(/^\[[^\]]*\]/, '').trim()),
  );
  return keys.filter((key) => key !== '' && !key.includes(':') && !hasText(catalogue, key));
}

/** Puts rows that several forms share (nodes/shared-editor/NAME.html) in place of `<!-- include: NAME -->`. */
async function withIncludes(form, where) {
  const parts = await Promise.all(
    form.split(/<!-- include: ([\w-]+) -->\n?/).map(async (part, index) => {
      if (index % 2 === 0) return part;
      const path = join(root, 'nodes/shared-editor', `${part}.html`);
      if (existsSync(path)) return readFile(path, 'utf8');
      problems.push(`${where} includes nodes/shared-editor/${part}.html, which does not exist`);
      return '';
    }),
  );
  return parts.join('');
}

async function buildNode(name, out) {
  const folder = join(root, 'nodes', name);
  const parts = [`${name}.ts`, 'editor.ts', 'editor.html', 'help.md', 'locale.json'];
  const paths = parts.map((part) => `nodes/${name}/${part}`).concat(`icons/ecomap-${name}.svg`);
  const absent = paths.filter((path) => !existsSync(join(root, path)));
  const isConfig = existsSync(join(folder, 'editor.ts'))
    ? /category:\s*'config'/.test(await readFile(join(folder, 'editor.ts'), 'utf8'))
    : false;
  const needed = absent.filter((path) => !(isConfig && path.startsWith('icons/')));
  if (needed.length > 0) {
    if (partial) console.error(`build: skipping ${name}, which lacks ${needed.join(', ')}`);
    else problems.push(`${name} is in package.json but lacks ${needed.join(', ')}`);
    return;
  }
  const type = `ecomap-${name}`;
  await bundle({
    ...forNode,
    entryPoints: [join(folder, `${name}.ts`)],
    outfile: join(out, `${name}.js`),
    // Node-RED 4.1 requires and Node-RED 5 imports this file: the function itself suits both.
    footer: { js: 'module.exports = module.exports.default;' },
  });
  const editor = await bundle({
    ...common,
    entryPoints: [join(folder, 'editor.ts')],
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    tsconfig: join(root, 'tsconfig.editor.json'),
    write: false,
  });
  if (editor === null) return;
  const script = editor.outputFiles[0].text;
  const [ownForm, help, localeText] = await Promise.all(
    ['editor.html', 'help.md', 'locale.json'].map((file) => readFile(join(folder, file), 'utf8')),
  );
  const form = await withIncludes(ownForm, `nodes/${name}/editor.html`);
  const types = registeredTypes(script, `nodes/${name}/editor.ts`);
  if (types.length !== 1 || types[0] !== type) {
    problems.push(`nodes/${name}/editor.ts registers ${types.join(', ') || 'nothing'} instead of ${type}`);
  }
  for (const [file, text] of Object.entries({ 'editor.ts': script, 'editor.html': form, 'help.md': help })) {
    if (/<\/?script/i.test(text))
      problems.push(`nodes/${name}/${file} holds a script tag, which would end the block around it`);
  }
  // Texts of the adapter itself, the same for every node.
  const adapter = JSON.parse(await readFile(join(root, 'src/node-red/locale.json'), 'utf8'));
  const catalogue = { ...JSON.parse(localeText), adapter };
  for (const key of missingTexts(form, catalogue)) problems.push(`nodes/${name}/locale.json lacks "${key}"`);
  const html = [
    `<script type="text/javascript">\n${script}</script>`,
    `<script type="text/html" data-template-name="${type}">\n${form}</script>`,
    `<script type="text/markdown" data-help-name="${type}">\n${help}</script>`,
  ];
  await writeFile(join(out, `${name}.html`), `${html.join('\n')}\n`);
  nodesBuilt += 1;
  await writeFile(join(out, 'locales/en-US', `${name}.json`), `${JSON.stringify(catalogue, null, 2)}\n`);
}

/** Bundles a program whose source may still be missing. */
async function buildProgram(source, target, firstLine) {
  if (!existsSync(join(root, source))) return;
  const banner = firstLine === undefined ? {} : { banner: { js: firstLine } };
  await bundle({ ...forNode, ...banner, entryPoints: [join(root, source)], outfile: join(staging, target) });
  // What npm links as a command is made executable by npm; a checkout has no such step.
  if (firstLine !== undefined && existsSync(join(staging, target))) await chmod(join(staging, target), 0o755);
}

async function main() {
  const startedAt = Date.now();
  const { 'node-red': nodeRed } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const out = join(staging, 'nodes');
  await mkdir(join(out, 'locales/en-US'), { recursive: true });
  await cp(join(root, 'icons'), join(out, 'icons'), { recursive: true });
  const names = Object.entries(nodeRed.nodes).map(([name, path]) => {
    if (path !== `dist/nodes/${name}.js`)
      problems.push(`package.json: ${name} must be dist/nodes/${name}.js, not ${path}`);
    return name;
  });
  await Promise.all([
    ...names.map((name) => buildNode(name, out)),
    buildProgram('src/inference/host/main.ts', 'host/inference-host.js'),
    buildProgram('src/inference/hosting/launching/main.ts', 'host/host-launcher.js'),
    buildProgram('src/mapping/training/main.ts', 'training/estimator-trainer.js'),
    buildProgram('src/mapping/planner/main.ts', 'planner/planner.js'),
    buildProgram('src/loop/prediction/main.ts', 'prediction/cost-predictor.js'),
    buildProgram('src/loop/demo-main.ts', 'demo.js'),
    buildProgram('src/loop/doctor-main.ts', 'doctor.js', '#!/usr/bin/env node'),
    ...benchmarkNames(root).map((name) => buildProgram(`bench/${name}.ts`, `bench/${name}.js`)),
  ]);
  if (problems.length > 0) {
    for (const problem of problems) console.error(`build: ${problem}`);
    console.error(`build: ${problems.length} problem${problems.length === 1 ? '' : 's'}; dist/ is as it was`);
    return 1;
  }
  await rm(join(root, 'dist'), { recursive: true, force: true });
  await rename(staging, join(root, 'dist'));
  console.error(`build: ${nodesBuilt} nodes in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return 0;
}

try {
  process.exitCode = await main();
} finally {
  await rm(staging, { recursive: true, force: true });
}
