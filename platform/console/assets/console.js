// Brings the page up to date when the platform says that something has changed. Without it
// everything works, and the page shows what was there when it was opened.
(() => {
  'use strict';
  const notice = document.getElementById('stale');
  let source = null, timer = 0, asked = 0;
  let stale = false; // the page may show less than the platform knows

  const page = () => document.querySelector('[data-part=page]');
  const say = (text) => { notice.textContent = text; notice.hidden = false; };
  const later = () => { stale = true; say(notice.dataset.stale); };

  // inUse: somebody is in a form, or presses something, which must not change under their hands.
  const inUse = () => document.querySelector(':active:is(a, button, summary, input, select, textarea)') !== null ||
    page().contains(document.activeElement) && document.activeElement.matches('input, select, textarea') ||
    [...page().querySelectorAll('input, select, textarea')].some((f) =>
      f.type !== 'hidden' && (f.type === 'checkbox' || f.type === 'radio' ? f.checked !== f.defaultChecked
        : f.tagName === 'SELECT' ? [...f.options].some((o) => o.selected !== o.defaultSelected) && f.selectedIndex !== 0
          : f.value !== f.defaultValue));

  // same: one may become the other in its place. What is pressed must not: no button is made another one, a link or a
  // form leads where it did, and what is unfolded has its id. Nor must a field that somebody has been in: it would keep
  // what it held, whatever it is given.
  const same = (a, b) => a.nodeName === b.nodeName && !a.matches('button, select, textarea, input:not([type=hidden])') &&
    ['id', 'name', 'action', 'href'].every((name) => a.getAttribute(name) === b.getAttribute(name));

  // become makes an element like another, and leaves what is alike where it is: what is about to be pressed, what has the
  // focus, and what was unfolded.
  const become = (element, fresh) => {
    for (const { name, value } of fresh.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    for (const { name } of [...element.attributes]) if (name !== 'open' && !fresh.hasAttribute(name)) element.removeAttribute(name);
    const coming = [...fresh.childNodes];
    let at = element.firstChild;
    const put = (node) => element.insertBefore(node, at);
    const skipTo = (node) => { while (at !== node) { const gone = at; at = at.nextSibling; gone.remove(); } };
    coming.forEach((node, i) => {
      if (node.nodeType !== Node.ELEMENT_NODE) {
        if (at === null || at.nodeType !== node.nodeType) { put(node); return; }
        if (at.data !== node.data) at.data = node.data;
        at = at.nextSibling;
        return;
      }
      let found = at;
      while (found && !found.isEqualNode(node)) found = found.nextSibling;
      if (!found) {
        found = at;
        while (found && found.nodeType !== Node.ELEMENT_NODE) found = found.nextSibling;
        if (!found || !same(found, node) || coming.slice(i + 1).some((later) => later.isEqualNode(found))) { put(node); return; }
        become(found, node);
      }
      skipTo(found);
      at = found.nextSibling;
    });
    skipTo(null);
  };

  const update = async () => {
    if (inUse()) { later(); return; }
    const number = ++asked;
    const answer = await fetch(location.href, { headers: { 'Console-Follows': 'true' } });
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-part=page]');
    if (number !== asked) return; // a later answer is on its way, or there
    if (inUse()) { later(); return; }
    stale = false;
    if (!fresh || fresh.isEqualNode(page())) { notice.hidden = notice.hidden || notice.textContent === notice.dataset.stale; return; }
    become(page(), fresh);
    say(notice.dataset.changed);
  };

  const schedule = () => {
    clearTimeout(timer); // many pages are not to ask at the same instant
    timer = setTimeout(() => update().catch(later), Math.random() * 300);
  };
  // Once nobody uses the page any more, it shows what it could not show before.
  for (const event of ['focusout', 'pointerup', 'pointercancel', 'keyup', 'change', 'reset']) document.addEventListener(event, () => { if (stale) schedule(); });

  const close = () => { if (source) source.close(); source = null; };
  const open = () => {
    if (source || document.hidden || !document.body.dataset.live) return;
    source = new EventSource(document.body.dataset.live);
    source.addEventListener('change', (event) => {
      const at = new URL(document.body.dataset.live, location.href);
      at.searchParams.set('mark', event.lastEventId);
      document.body.dataset.live = at.pathname + at.search;
      stale = true;
      schedule();
    });
  };
  // A browser allows few connections: a page that nobody sees needs none.
  document.addEventListener('visibilitychange', () => { if (document.hidden) close(); else open(); });
  addEventListener('pagehide', close);
  open();
})();
