/**
 * A function that calls `load` for all lines of the page at once. After a failure, or if what was loaded
 * is broken and to be forgotten, the next one tries.
 */
export function once(load) {
  let loading;
  const forget = () => (loading = undefined);
  return () => {
    loading ??= load();
    loading.then((loaded) => Object.assign(loaded, { forget }), forget);
    return loading;
  };
}
