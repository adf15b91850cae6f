/** Plain data as YAML 1.2: texts and keys always quoted as JSON quotes them, which YAML reads the same way. */
export function yamlOf(value: unknown): string {
  return `${linesOf(value).join('\n')}\n`;
}

function linesOf(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.length === 0 ? ['[]'] : value.flatMap((item) => nest('-', linesOf(item), isBlock(item)));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (entries.length === 0) return ['{}'];
    return entries.flatMap(([key, item]) =>
      isBlock(item)
        ? [`${JSON.stringify(key)}:`, ...linesOf(item).map((line) => `  ${line}`)]
        : [`${JSON.stringify(key)}: ${linesOf(item).join('')}`],
    );
  }
  return [scalarOf(value)];
}

function nest(mark: string, lines: readonly string[], isNested: boolean): string[] {
  const [first = '', ...rest] = lines;
  return [`${mark} ${first}`, ...(isNested ? rest.map((line) => `  ${line}`) : rest)];
}

function isBlock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function scalarOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return JSON.stringify(value);
}
