import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../src/models/package-root';

/** What the demo prints, and says meanwhile. */
export interface DemoRun {
  readonly code: number;
  readonly output: string;
  readonly progress: string;
}

/** Runs the built demo to its end. */
export async function runDemo(args: readonly string[]): Promise<DemoRun> {
  const child = spawn(process.execPath, [join(packageRoot(__dirname), 'dist/demo.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let progress = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (progress += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output, progress };
}
