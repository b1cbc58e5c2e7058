// Jobs that wait until what they follow has come to rest.

export function later(job, milliseconds) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => job(...args), milliseconds);
  };
}
