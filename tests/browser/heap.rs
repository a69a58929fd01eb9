//! The npm package's allocator, which all of these tests run on.

use std::arch::wasm32::memory_size;

use wasm_bindgen_test::wasm_bindgen_test;

/// Numbers below `bound`, the same in every run: Marsaglia's xorshift, 2003.
struct Random(u32);

impl Random {
    fn below(&mut self, bound: u32) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 % bound) as usize
    }
}

/// A block filled with a number of its own.
fn filled(number: u32, words: usize) -> Vec<u32> {
    vec![number; words]
}

fn assert_filled(number: u32, block: &[u32]) {
    assert!(block.iter().all(|word| *word == number), "block {number} was written over");
}

#[wasm_bindgen_test]
fn blocks_of_all_sizes_never_overlap() {
    let mut random = Random(7);
    let mut used: Vec<(u32, Vec<u32>)> = Vec::new();
    for number in 0..20_000 {
        if used.len() < 100 || random.below(2) == 0 {
            let bits = random.below(14) as u32;
            used.push((number, filled(number, 1 + random.below(1 << bits))));
        } else {
            let (number, mut block) = used.swap_remove(random.below(used.len() as u32));
            assert_filled(number, &block);
            // It may move to a larger one.
            block.resize(block.len() + random.below(100), number);
            assert_filled(number, &block);
        }
    }
    for (number, block) in &used {
        assert_filled(*number, block);
    }
}

#[wasm_bindgen_test]
fn what_is_freed_is_used_again() {
    let work = || {
        let blocks: Vec<_> = (0..2_000).map(|number| filled(number, 1 + number as usize)).collect();
        blocks.iter().zip(0..).for_each(|(block, number)| assert_filled(number, block));
    };
    work();
    let pages = memory_size::<0>();
    for _ in 0..50 {
        work();
    }
    assert_eq!(memory_size::<0>(), pages);
}

#[wasm_bindgen_test]
fn blocks_begin_where_every_type_may() {
    for bytes in [1, 7, 8, 9, 16, 17, 100] {
        let blocks: Vec<Box<[u8]>> = (0..10).map(|_| vec![0; bytes].into_boxed_slice()).collect();
        let aligned = Box::new((1_u8, 2_u128));
        assert!((&raw const aligned.1).is_aligned());
        assert!(blocks.iter().all(|block| block.as_ptr().cast::<u128>().is_aligned()));
    }
}
