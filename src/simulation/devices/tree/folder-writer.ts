import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Writes a machine's files into a folder that stands for `/`. */
export class FolderWriter {
  constructor(readonly root: string) {}

  file(path: string, text: string | number, options: { readonly mode?: number } = {}): void {
    const place = this.place(path);
    writeFileSync(place, typeof text === 'number' ? `${text}\n` : text);
    chmodSync(place, options.mode ?? 0o644);
  }

  /** Files of one folder. */
  files(folder: string, texts: Readonly<Record<string, string | number>>): void {
    for (const [name, text] of Object.entries(texts)) this.file(`${folder}/${name}`, text);
  }

  /** A symbolic link to an absolute path of the machine; it is relative, so that it stays inside of the folder. */
  link(path: string, target: string): void {
    const place = this.place(path);
    if (existsSync(place)) rmSync(place, { recursive: true, force: true });
    symlinkSync(relative(dirname(place), join(this.root, target)), place);
  }

  folder(path: string): void {
    mkdirSync(join(this.root, path), { recursive: true });
  }

  private place(path: string): string {
    const place = join(this.root, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  }
}
