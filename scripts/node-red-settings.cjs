// Settings of the Node-RED that `npm start` runs: this machine only, no telemetry, no prompts, a quiet log. `npm start` copies
// this file to .node-red/settings.js; a copy that you have changed is left alone.
const levels = { 10: 'fatal', 20: 'error', 30: 'warning' };

/** Warnings that say nothing here: this file decides both. */
const chatter = /^Projects disabled|flow credentials file is encrypted|^Encrypted credentials not found/;

/** Warnings and errors of everything, and what the ecomap nodes say about the loop; not the runtime's own chatter. */
function logLine({ level, type, name, id, msg, timestamp }) {
  const ours = typeof type === 'string' && type.startsWith('ecomap-');
  if ((level > 30 && !ours) || (level === 30 && chatter.test(String(msg).trim()))) return null;
  const time = new Date(timestamp).toTimeString().slice(0, 8);
  const who = level > 30 || !type ? '' : `${type} "${name || id}": `;
  return `${time} ${levels[level] ? `${levels[level]}: ` : ''}${who}${msg instanceof Error ? msg.message : String(msg)}`;
}

// The process that started this one is gone: nobody could stop this one any more.
if (process.send) process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));

module.exports = {
  uiHost: '127.0.0.1',
  uiPort: process.env.PORT || 1880,
  flowFile: 'flows.json',
  flowFilePretty: true,
  telemetry: { enabled: false, updateNotification: false },
  diagnostics: { enabled: true, ui: true },
  runtimeState: { enabled: false, ui: false },
  externalModules: { autoInstall: false },
  editorTheme: {
    tours: false,
    palette: { catalogues: [] },
    projects: { enabled: false },
    page: { title: 'Ecomap on Node-RED' },
  },
  logging: {
    console: { level: 'off', metrics: false, audit: false },
    tidy: {
      level: 'info',
      handler: () => (entry) => {
        const line = logLine(entry);
        if (line !== null) console.log(line);
      },
    },
  },
};
