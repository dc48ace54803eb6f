// SPDX-License-Identifier: MIT
// Elements, and nothing but elements: no string ever becomes markup.

// h('a', { class: 'x', href, on: { click } }, 'text', node, [more]):
// null and false children and attributes are left out.
export function h(tag, props, ...kids) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === 'on')
      for (const [type, fn] of Object.entries(value))
        e.addEventListener(type, fn);
    else if (name === 'css')
      for (const [property, to] of Object.entries(value))
        e.style.setProperty(property, to);
    else if (name === 'value' || name === 'checked')
      e[name] = value;
    else if (value !== null && value !== undefined && value !== false)
      e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...kids.flat(3).filter((k) => k !== null && k !== undefined &&
    k !== false));
  return e;
}

export const byId = (id) => document.getElementById(id);

// What would turn or hide other text is shown as its code.
const INVISIBLE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const code = (c) => c === '\n' || c === '\t' ? ' '
  : `⟨${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`;

// plain(text): of anybody's text what can stand anywhere, canvas included.
export function plain(text, max = 80) {
  const s = [...String(text).slice(0, 2 * max).replace(INVISIBLE, code)];
  return s.length > max || String(text).length > 2 * max
    ? `${s.slice(0, max - 1).join('')}…` : s.join('');
}

// name(text, none): somebody's name for something, isolated from what is
// around it and cut by the style sheet where there is no room.
export function name(text, none = '–') {
  if (text === null || text === undefined || text === '')
    return h('span', { class: 'none' }, none);
  return h('bdi', { class: 'name', title: plain(text, 400) }, plain(text, 160));
}

// notice(text): said once, to eyes and screen readers, then gone.
let timer;
export function notice(text, kind = 'info') {
  const box = byId('notice');
  box.replaceChildren(h('p', { class: kind }, text));
  clearTimeout(timer);
  timer = setTimeout(() => box.replaceChildren(), 8000);
}

// button(label, run, props): one at a time, and its failure is said.
export function button(label, run, props) {
  const b = h('button', { type: 'button', ...props, on: {
    click: async () => {
      b.disabled = true;
      try {
        await run(b);
      } catch (e) {
        notice(e.message, 'error');
      } finally {
        b.disabled = false;
      }
    } } }, label);
  return b;
}
