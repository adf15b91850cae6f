import type { BenchOptions } from '../options';
export async function runImported(_options: BenchOptions): Promise<void> {}
