type Text = (key: string) => string;

/** Copies by the editor's own means, which also work where the page is not secure (http). */
function copy(text: string, button: JQuery): void {
  const { clipboard } = RED as unknown as { clipboard: { copyText(text: string, element: JQuery): boolean } };
  clipboard.copyText(text, button);
}

/** Shows the doctor's report in the area as often as it is asked for, and copies it. */
export function tieDoctor(area: JQuery, again: JQuery, copyButton: JQuery, text: Text): () => void {
  let asking = false;
  const ask = (): void => {
    if (asking) return;
    asking = true;
    copyButton.hide();
    area.val(text('doctor.looking'));
    $.getJSON('ecomap/device-doctor')
      .done((answer: { text: string }) => {
        area.val(answer.text);
        copyButton.show();
      })
      .fail(() => area.val(text('report.failed')))
      .always(() => {
        asking = false;
      });
  };
  again.on('click', ask);
  copyButton.on('click', () => copy(String(area.val() ?? ''), copyButton));
  return ask;
}
