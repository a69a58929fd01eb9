/** A function that calls `load` for all lines of the page at once; after a failure the next tries. */
export function once(load) {
  let loading;
  return () => {
    loading ??= load();
    loading.catch(() => (loading = undefined));
    return loading;
  };
}
