import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { builtPages, manifest, readTypes, root, type ReadType } from './built-nodes';

interface Semver {
  satisfies(version: string, range: string): boolean;
  minVersion(range: string): { version: string; major: number } | null;
}
const requireFromNodeRed = createRequire(createRequire(__filename).resolve('node-red/package.json'));
const semver = requireFromNodeRed('semver') as Semver;

/** Dist-tags latest and maintenance of node-red, and the least Node.js of latest, in November 2026. */
const currentNodeRed = ['5.0.7', '4.1.15'];
const leastNodeOfLatest = '22.9.0';

const readTypesOf = (): ReadType[] => [...builtPages().values()].flatMap(readTypes);

function exampleFiles(): string[] {
  const folder = join(root, 'examples');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
}

describe('the rules of the Flow Library', () => {
  it('P01, P03: a licence, a repository', () => {
    assert.equal(manifest.license, 'Apache-2.0');
    assert.ok(existsSync(join(root, 'LICENSE')));
    assert.match(manifest.repository?.url ?? '', /^git\+https:\/\/.*\.git$/);
  });

  it('P04, P08: a scoped and distinctive name', () => {
    assert.match(manifest.name, /^@[a-z\d][\w-.]+\/[a-z\d][\w-.]*$/);
    assert.equal(manifest.name.split('/')[1], 'node-red-ecomap');
  });

  it('P05: the keyword node-red', () => {
    assert.ok(manifest.keywords?.includes('node-red'));
  });

  it('P06: a range that the current releases of Node-RED satisfy', () => {
    const range = manifest['node-red'].version ?? '';
    for (const version of currentNodeRed) assert.ok(semver.satisfies(version, range), `${version} is not in ${range}`);
    assert.ok(!semver.satisfies('4.0.9', range));
  });

  it('P07: a range of Node.js that includes the least one of the latest Node-RED', () => {
    const range = manifest.engines?.node ?? '';
    assert.ok(semver.satisfies(leastNodeOfLatest, range), `${leastNodeOfLatest} is not in ${range}`);
    assert.ok(semver.satisfies('20.19.0', range));
  });

  it('N01: each node registers one type of its own, prefixed, where the checker can read it', () => {
    const types = new Map([...builtPages()].map(([name, page]) => [name, readTypes(page)]));
    for (const [name, found] of types) {
      assert.deepEqual(
        found.map(({ type }) => type),
        [`ecomap-${name}`],
        `dist/nodes/${name}.html`,
      );
      assert.ok((found[0]?.defaults.length ?? 0) > 0, `${name} has no readable defaults`);
    }
    assert.equal(types.size, Object.keys(manifest['node-red'].nodes).length);
  });

  it('what the checker wants inline is inline, and the palette is ours', () => {
    for (const { type, literals } of readTypesOf()) {
      if (literals.category === 'config') continue;
      assert.equal(literals.category, 'ecomap', type);
      assert.match(String(literals.color), /^#[0-9A-F]{6}$/i, type);
      assert.equal(literals.icon, `${type}.svg`, type);
      assert.ok(existsSync(join(root, 'dist/nodes/icons', String(literals.icon))), `${type}: no icon`);
      assert.ok(typeof literals.inputs === 'number' && typeof literals.outputs === 'number', type);
    }
  });

  it('the reader of pages does not see what the checker would not see', () => {
    const page = (code: string) => `<script type="text/javascript">${code}</script>`;
    assert.equal(readTypes(page("RED.nodes.registerType('a', { defaults: { x: {} } })")).length, 1);
    assert.equal(readTypes(page("const t = 'a'; RED.nodes.registerType(t, {})")).length, 0);
    assert.equal(readTypes(page("const d = {}; RED.nodes.registerType('a', d)")).length, 0);
    assert.equal(readTypes("<script>RED.nodes.registerType('a', {})</script>").length, 0);
  });

  it('N02: every node that is no config node appears in an example', () => {
    const used = new Set(
      exampleFiles().flatMap((file) =>
        (JSON.parse(readFileSync(file, 'utf8')) as { type: string }[]).map((n) => n.type),
      ),
    );
    const missing = readTypesOf().filter(({ type, literals }) => literals.category !== 'config' && !used.has(type));
    assert.deepEqual(
      missing.map(({ type }) => type),
      [],
    );
  });

  it('examples/ holds nothing but flows, and no path of somebody’s machine', () => {
    const files = exampleFiles();
    assert.ok(files.length > 0);
    for (const file of files) {
      assert.equal(extname(file), '.json', `${file}: the editor would list or choke on it`);
      const text = readFileSync(file, 'utf8');
      const flow: unknown = JSON.parse(text);
      assert.ok(Array.isArray(flow) && flow.length > 0, `${file} is no flow`);
      assert.doesNotMatch(text, /\/home\/|\/Users\/|[A-Z]:\\\\|\/work\//, file);
    }
  });

  it('D01, D02: at most six dependencies, none of them known to be bad', () => {
    assert.ok(Object.keys(manifest.dependencies ?? {}).length <= 6);
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, LockEntry>;
    };
    const bad = Object.entries(lock.packages).filter(
      ([path, { dev, version }]) => !dev && /(^|\/)agent-base$/.test(path) && semver.satisfies(version ?? '', '<6'),
    );
    assert.deepEqual(bad, []);
  });

  it('D03: each range allows the release that is installed and what follows it', () => {
    for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
      assert.match(range, /^\^/, `${name}: ${range}`);
      const installed = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string;
      };
      assert.ok(semver.satisfies(installed.version, range), `${name} ${installed.version} is not in ${range}`);
    }
  });

  it('has no install script', () => {
    const scripts = Object.keys(manifest.scripts ?? {});
    assert.deepEqual(
      scripts.filter((name) => /^(pre|post)?install$|^prepare$/.test(name)),
      [],
    );
  });
});

describe('the package as it is published', function () {
  this.timeout(60_000);
  const folders = ['dist', 'examples', 'models', 'recipe'];
  const single = ['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json'];

  it('holds the built nodes, examples, models, permission rules and documents, nothing else, and no large file', async () => {
    const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      maxBuffer: 16 * 1024 * 1024,
    });
    const [pack] = JSON.parse(stdout) as [{ files: { path: string; size: number }[]; unpackedSize: number }];
    const paths = pack.files.map(({ path }) => path);
    const strangers = paths.filter(
      (path) => !single.includes(path) && !folders.some((folder) => path.startsWith(`${folder}/`)),
    );
    assert.deepEqual(strangers, []);
    assert.deepEqual(
      paths.filter((path) => path.startsWith('dist/bench/') || path === 'dist/demo.js'),
      [],
      'the demo and the benchmarks are for the repository',
    );
    for (const name of [...single, 'dist/doctor.js', 'recipe/install.sh'])
      assert.ok(paths.includes(name), `${name} is missing`);
    for (const path of Object.values(manifest['node-red'].nodes)) {
      assert.ok(paths.includes(path) && paths.includes(path.replace(/\.js$/, '.html')), path);
    }
    assert.ok(paths.includes('dist/host/inference-host.js'), 'the inference host is missing');
    assert.ok(paths.some((path) => path.startsWith('examples/')) && paths.some((path) => path.startsWith('models/')));
    const large = pack.files.filter(({ size }) => size > 6 * 1024 * 1024);
    assert.deepEqual(large, []);
    assert.ok(pack.unpackedSize < 16 * 1024 * 1024, `${pack.unpackedSize} bytes`);
  });
});
