import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '../../../src/models/package-root';

export const root = packageRoot(__dirname);

/** What the Flow Library's checker learns about a node type from its built page. */
export interface ReadType {
  readonly type: string;
  readonly defaults: readonly string[];
  /** Literal values only, as the checker reads them. */
  readonly literals: Readonly<Record<string, string | number>>;
}

function literalOf(value: ts.Expression): string | number | null {
  if (ts.isStringLiteral(value)) return value.text;
  if (ts.isNumericLiteral(value)) return Number(value.text);
  return null;
}

function readDefinition(type: string, definition: ts.ObjectLiteralExpression): ReadType {
  const literals: Record<string, string | number> = {};
  let defaults: string[] = [];
  for (const property of definition.properties) {
    if (!ts.isPropertyAssignment(property) || !ts.isIdentifier(property.name)) continue;
    const { initializer, name } = property;
    const literal = literalOf(initializer);
    if (literal !== null) literals[name.text] = literal;
    if (name.text === 'defaults' && ts.isObjectLiteralExpression(initializer)) {
      defaults = initializer.properties.flatMap(({ name: key }) => (key && ts.isIdentifier(key) ? [key.text] : []));
    }
  }
  return { type, defaults, literals };
}

/**
 * Reads a built page as `node-red-dev validate` does: the scripts of type text/javascript, in them each call of
 * `registerType` with a literal name and a literal object. Anything else it cannot see.
 */
export function readTypes(html: string): ReadType[] {
  const found: ReadType[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      node.expression.name.text === 'registerType'
    ) {
      const [type, definition] = node.arguments;
      if (type && ts.isStringLiteral(type) && definition && ts.isObjectLiteralExpression(definition)) {
        found.push(readDefinition(type.text, definition));
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const [, script] of html.matchAll(/<script.+?type=['"]text\/javascript['"].*?>([\S\s]*?)<\/script>/gi)) {
    visit(ts.createSourceFile('page.js', script ?? '', ts.ScriptTarget.Latest, true, ts.ScriptKind.JS));
  }
  return found;
}

export interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly main?: string;
  readonly repository?: { url?: string };
  readonly keywords?: readonly string[];
  readonly engines?: { node?: string };
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly 'node-red': { version?: string; nodes: Readonly<Record<string, string>> };
}

export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** The built page of each node, by the name of its set. */
export function builtPages(): Map<string, string> {
  return new Map(
    Object.entries(manifest['node-red'].nodes).map(([name, path]) => {
      const page = join(root, path.replace(/\.js$/, '.html'));
      if (!existsSync(page)) throw new Error(`${page} is missing: run npm run build`);
      return [name, readFileSync(page, 'utf8')];
    }),
  );
}
