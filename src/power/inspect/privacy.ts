import os from 'node:os';

/** Ids of containers, and anything else that names one machine among all. */
const longId = /\b[0-9a-f]{32,64}\b/gi;
const uuid = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi;
const homes = /(?:\/home|\/Users)\/[^/\s"'`:,;)]+|[A-Z]:\\Users\\[^\\\s"'`]+/g;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

export interface OwnNames {
  readonly homeFolder: string;
  readonly hostName: string;
  readonly userName: string;
}

function ownNames(): OwnNames {
  let userName = '';
  try {
    userName = os.userInfo().username;
  } catch {
    // A user id without an entry in the user database, as in many containers.
  }
  return { homeFolder: os.homedir(), hostName: os.hostname(), userName };
}

/** Makes a text fit for a public bug ticket: no host name, no user name, home folders as `~`, no ids of containers. */
export function withoutNames(text: string, names: OwnNames = ownNames()): string {
  const { homeFolder, hostName, userName } = names;
  let clean = text;
  if (homeFolder.length > 1) clean = clean.replaceAll(homeFolder, '~');
  clean = clean.replace(homes, '~').replace(uuid, '<id>').replace(longId, '<id>');
  // Short or common names would tear up ordinary words.
  for (const [name, standIn] of [
    [hostName, '<host>'],
    [userName, '<user>'],
  ] as const) {
    if (name.length > 2 && !['root', 'node', 'localhost', 'nodered', 'node-red'].includes(name.toLowerCase()))
      clean = clean.replace(new RegExp(`(?<![\\w-])${escaped(name)}(?![\\w-])`, 'g'), standIn);
  }
  return clean;
}

/** The same for every text in a plain JSON value. */
export function withoutNamesIn<Value>(value: Value, names: OwnNames = ownNames()): Value {
  const clean = (part: unknown): unknown => {
    if (typeof part === 'string') return withoutNames(part, names);
    if (Array.isArray(part)) return part.map(clean);
    if (typeof part === 'object' && part !== null)
      return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, clean(inner)]));
    return part;
  };
  return clean(value) as Value;
}
