
// Puts together again what xtask/src/page/split.rs has laid apart.
{
  const streams = "@STREAMS@";
  const afterPrefix = "@AFTER_PREFIX@";
  const [T, E, F, X, Z, N, P, BEFORE, AFTER] = [..."tefxznp<>"].map((letter) => streams.indexOf(letter));

  const join = (packed) => {
    const words = new DataView(packed.buffer);
    const word = (index) => words.getUint32(4 * index, true);
    const out = new Uint8Array(word(0));
    let to = 0;
    // Where each stream goes on.
    const at = new Int32Array(streams.length);
    at[0] = 4 * (2 + streams.length);
    for (let index = 1; index < streams.length; index++) at[index] = at[index - 1] + word(1 + index);
    const bytes = (stream, len) => {
      const begin = at[stream];
      out.set(packed.subarray(begin, (at[stream] += len)), to);
      to += len;
    };
    const number = (stream) => {
      let from = at[stream];
      let next = (out[to++] = packed[from++]);
      let value = next & 127;
      for (let shift = 7; next > 127; shift += 7) {
        next = out[to++] = packed[from++];
        value |= (next & 127) << shift;
      }
      at[stream] = from;
      return value;
    };
    const numbers = (stream, count) => {
      for (; count > 0; count--) number(stream);
    };
    const longer = {
      T: () => numbers(T, number(T) + 1),
      S: () => numbers(E, number(E)),
      F: () => bytes(F, 4),
      D: () => bytes(F, 8),
      X: () => numbers(X, +afterPrefix[number(X)]),
    };
    const operands = [];
    for (const [first, last, letters] of @OPERANDS@) {
      const all = [...letters].map((letter) => longer[letter] ?? streams.indexOf(letter));
      for (let op = first; op <= last; op++) operands[op] = all;
    }
    bytes(BEFORE, word(2 + BEFORE));
    for (let count = word(1); count > 0; count--) {
      const len = number(Z);
      const end = to + len;
      numbers(N, 2 * number(N));
      while (to < end) {
        const all = operands[(out[to++] = packed[at[P]++])];
        for (let index = 0; index < all.length; index++) {
          const operand = all[index];
          if (typeof operand === "number") number(operand);
          else operand();
        }
      }
    }
    bytes(AFTER, word(2 + AFTER));
    return out;
  };

  self.program = async (url) => {
    const packed = new URL(url, self.location.href);
    packed.pathname += ".split.xz";
    const response = await fetch(packed);
    if (!response.ok) throw new Error(`${packed.pathname}: ${response.status} ${response.statusText}`);
    const stream = new self["xz-decompress"].XzReadableStream(response.body);
    const program = join(new Uint8Array(await new Response(stream).arrayBuffer()));
    return new Response(program, { headers: { "Content-Type": "application/wasm" } });
  };
}
