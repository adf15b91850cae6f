// A process that holds a limit by the root helper until it is killed.
import { RootHelperClient } from '../../../../src/power/safety/root-helper-client';

async function main(): Promise<void> {
  const [socket = '', key = '', value = ''] = process.argv.slice(2);
  const client = new RootHelperClient('the other process', socket);
  await client.set(key, value);
  console.log('set');
  setInterval(() => undefined, 1000);
}

void main();
