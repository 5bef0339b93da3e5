//! The bytes of a case, from a seed.

/// SplitMix64: a counter through a mixing function. Small, without state to carry between cases, and good enough to fill a buffer; it
/// is no source of secrets.
///
/// Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    /// The numbers of one case of a seed. Each case stands alone, so that one can be run again without those before it.
    pub(crate) fn of(seed: u64, case: u64) -> Self {
        let seed = Self(seed).next();
        Self(Self(seed ^ case).next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(count);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_the_published_numbers() {
        let mut random = SplitMix64(1_234_567);
        let numbers = [random.next(), random.next(), random.next()];
        assert_eq!(numbers, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn a_case_stands_alone_and_differs_from_its_neighbours() {
        assert_eq!(SplitMix64::of(1, 2).bytes(100), SplitMix64::of(1, 2).bytes(100));
        assert_ne!(SplitMix64::of(1, 2).bytes(8), SplitMix64::of(2, 1).bytes(8));
        assert_ne!(SplitMix64::of(1, 2).bytes(8), SplitMix64::of(1, 3).bytes(8));
        assert_eq!(SplitMix64::of(0, 0).bytes(13).len(), 13);
    }
}
