type Text = (key: string) => string;

const formats = ['csv', 'json', 'impact-framework', 'prometheus'] as const;

/** Asked for with the editor's own credentials, which a plain link would not carry; then handed to the browser as a file. */
async function download(nodeId: string, format: string): Promise<void> {
  const url = `ecomap/carbon-ledger/${encodeURIComponent(nodeId)}/export/${format}`;
  const answer = await new Promise<{ text: string; response: JQuery.jqXHR }>((resolve, reject) => {
    void $.ajax({ url, dataType: 'text' }).then(
      (text: string, _status, response) => resolve({ text, response }),
      (response: JQuery.jqXHR) => reject(new Error(problemOf(response))),
    );
  });
  const type = answer.response.getResponseHeader('Content-Type') ?? 'text/plain';
  const name = /filename="([^"]+)"/.exec(answer.response.getResponseHeader('Content-Disposition') ?? '')?.[1];
  const address = URL.createObjectURL(new Blob([answer.text], { type }));
  const link = $('<a>').attr({ href: address, download: name ?? `ecomap-ledger.${format}` })[0];
  link?.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function problemOf(response: JQuery.jqXHR): string {
  try {
    return (JSON.parse(response.responseText) as { message?: string }).message ?? '';
  } catch {
    return '';
  }
}

/** One button per format of a ledger's account. One that is not deployed yet answers with what to do. */
export function showExportButtons(place: JQuery, note: JQuery, nodeId: string, text: Text): void {
  place.empty();
  for (const format of formats) {
    const button = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .text(text(`export.${format}`))
      .css({ marginRight: '4px' })
      .appendTo(place);
    button.on('click', () => {
      note.text(text('export.working'));
      download(nodeId, format).then(
        () => note.text(''),
        (error: unknown) => note.text((error instanceof Error && error.message) || text('export.failed')),
      );
    });
  }
  const address = $('<code>').text(`ecomap/carbon-ledger/${nodeId}/metrics`);
  note.empty().append(document.createTextNode(`${text('tip.exports')} `), address);
}
