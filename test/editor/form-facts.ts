/** What a visible edit form looks like; collected inside the browser. */
export interface FormFacts {
  /** Texts that are still keys of the catalogue, or empty. */
  readonly untranslated: readonly string[];
  /** Labels that point nowhere, and fields without a label. */
  readonly unlabelled: readonly string[];
  /** Texts whose contrast to what is behind them is below 3:1. */
  readonly faint: readonly string[];
  /** Labels and tabs whose text does not fit. */
  readonly cut: readonly string[];
  readonly fields: number;
}

/** Runs in the page: it must not refer to anything outside of itself. */
export function formFacts(): FormFacts {
  const form = document.querySelector('.red-ui-tray:last-child') ?? document.body;
  const visible = (element: Element): boolean => (element as HTMLElement).offsetParent !== null;
  const rows = [...form.querySelectorAll('.form-row, .form-tips, section')].filter(visible);
  const within = (selector: string): HTMLElement[] =>
    rows.flatMap((row) => [...row.querySelectorAll<HTMLElement>(selector)]).filter(visible);

  const numbers = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([red = 0, green = 0, blue = 0]: number[]): number => {
    const [r = 0, g = 0, b = 0] = [red, green, blue].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element: Element): number[] => {
    for (let at: Element | null = element; at !== null; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if ((color[3] ?? 1) > 0.5) return color;
    }
    return [255, 255, 255];
  };
  const contrast = (element: Element): number => {
    const [one, other] = [luminance(numbers(getComputedStyle(element).color)), luminance(backgroundOf(element))];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };

  const texts = within('[data-i18n]').flatMap((element) =>
    (element.dataset.i18n ?? '').split(';').map((part) => {
      const attribute = /^\[([^\]]+)\]/.exec(part.trim())?.[1];
      const key = part.trim().replace(/^\[[^\]]*\]/, '');
      return { key, shown: (attribute ? element.getAttribute(attribute) : element.textContent) ?? '' };
    }),
  );
  const fields = within('input, select, textarea').filter(
    (field) => field.id !== '' && !field.closest('[aria-hidden]'),
  );
  const labelOf = (field: Element): boolean =>
    form.querySelector(`label[for="${field.id}"]`) !== null ||
    field.closest('label') !== null ||
    field.hasAttribute('aria-label') ||
    field.hasAttribute('title');
  const dangling = within('label[for]').filter((label) => {
    const target = label.getAttribute('for') ?? '';
    return target !== '' && document.getElementById(target) === null;
  });
  const readable = within('label, span, input, select, textarea, li, p, th, td, h4').concat(rows as HTMLElement[]);
  const ownText = (element: Element): string =>
    [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent?.trim() ?? '')
      .join('') || (element instanceof HTMLInputElement && element.type === 'text' ? element.value : '');
  return {
    untranslated: texts.filter(({ key, shown }) => shown.trim() === '' || shown.trim() === key).map(({ key }) => key),
    unlabelled: [
      ...dangling.map((label) => `label for ${label.getAttribute('for')}`),
      ...fields.filter((field) => !labelOf(field)).map((field) => `field ${field.id}`),
    ],
    faint: readable
      .filter((element) => ownText(element) !== '' && contrast(element) < 3)
      .map((element) => `${ownText(element).slice(0, 40)} (${contrast(element).toFixed(1)}:1)`),
    cut: [...within('label'), ...within('.red-ui-tab-label')]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
      .map((element) => element.textContent?.trim() ?? ''),
    fields: fields.length,
  };
}
