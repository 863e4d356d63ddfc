/// A stream of numbers that follows from its seed (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>): the domain has no
/// randomness of its own.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// Starts the stream.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another stream, which has nothing in common with this one or with those of other numbers.
    pub fn apart(&self, number: u64) -> Self {
        let mut mixed = Self(self.0 ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(mixed.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Even over `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Even over `low..high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// Even over whole numbers `low..high`; `low` when the range is empty.
    pub fn pick(&mut self, low: i64, high: i64) -> i64 {
        if high <= low { low } else { low + (self.unit() * (high - low) as f64) as i64 }
    }

    /// Even over the logarithm of `low..high`.
    pub fn log_between(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    /// Log-normal around 1 with this spread of the logarithm (Box and Muller's transform).
    pub fn noise(&mut self, sigma: f64) -> f64 {
        let (radius, angle) = (self.unit().max(1e-12), self.unit());
        (sigma * (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()).exp()
    }
}
