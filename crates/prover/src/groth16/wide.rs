//! Additions of affine points, eight at a time, for processors with AVX-512 IFMA.
//!
//! IFMA multiplies eight pairs of 52-bit numbers at once. A field element is held in five limbs
//! of 52 bits, and each limb of eight elements in one register. Here one addition of two points
//! takes a sixth of the time of the portable way ([`super::affine`]).
//!
//! # Representation and bounds
//!
//! arkworks keeps `a` as `a·2²⁵⁶ mod q`, and that stays so. Multiplication here divides by 2²⁶⁰,
//! so one factor is taken sixteenfold first ([`Elements::multiplier`]), and the product is again
//! in arkworks' form.
//!
//! Between operations limbs are carried, and values may exceed `q` a little. As 2²⁶⁰ is more than
//! `84·q`, the sum of products of factors below `A·q` (before it is taken sixteenfold) and `B·q`
//! comes out below `(16·ΣA·B/84 + 1)·q`. In an addition of points that gives, in multiples of `q`:
//!
//! | | in G1 | in G2 |
//! | --- | --- | --- |
//! | coordinates, their differences, denominators: canonical | 1 | 1 |
//! | products of denominators; their inverses: `P = 16·P/84 + 1`, `P = 32·P/84 + 1` | 1.3 | 1.7 |
//! | a denominator's inverse, from two of these (in G2 one is negated, from `2q`) | 1.4 | 2.2 |
//! | slope | 1.3 | 1.9 |
//! | its square | 1.4 | 2.5 |
//! | slope times difference | 1.3 | 1.8 |
//!
//! All sixteenfold values stay below `32·q`, far from 2²⁶⁰, where five limbs end.

// Loops count limbs and lanes: iterators' closures are not sure to be inlined, and code that is not
// has no access to the registers.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::__m512i;

use ark_bn254::{Fq, Fq2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, batch_inversion};
use pulp::{NullaryFnOnce, cast};

pulp::simd_type! {
    /// Proof that this processor has what this module needs.
    pub struct Ifma {
        avx512f: "avx512f",
        ifma: "avx512ifma",
    }
}

/// Pairs that go through the registers together.
const LANES: usize = 8;

const LIMBS: usize = 5;
const LIMB_BITS: u32 = 52;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;

/// `2^shift · q` in limbs.
const fn modulus(shift: u32) -> [u64; LIMBS] {
    let [a, b, c, d] = Fq::MODULUS.0;
    let mut limbs = [
        a & LIMB_MASK,
        (a >> 52 | b << 12) & LIMB_MASK,
        (b >> 40 | c << 24) & LIMB_MASK,
        (c >> 28 | d << 36) & LIMB_MASK,
        d >> 16,
    ];
    let mut carry = 0;
    let mut limb = 0;
    while limb < LIMBS {
        let value = (limbs[limb] << shift) + carry;
        limbs[limb] = value & LIMB_MASK;
        carry = value >> LIMB_BITS;
        limb += 1;
    }
    limbs
}

/// `−1/q mod 2^52`, by Newton's iteration.
const NEGATIVE_INVERSE: u64 = {
    let q = Fq::MODULUS.0[0];
    let mut inverse = 1u64;
    let mut bits = 1;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(q.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse.wrapping_neg() & LIMB_MASK
};

impl Ifma {
    #[inline(always)]
    fn all(self, value: u64) -> __m512i {
        self.avx512f._mm512_set1_epi64(value as i64)
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_add_epi64(a, b)
    }

    #[inline(always)]
    fn sub(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_sub_epi64(a, b)
    }

    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_and_si512(a, b)
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_or_si512(a, b)
    }

    #[inline(always)]
    fn left<const BITS: u32>(self, a: __m512i) -> __m512i {
        self.avx512f._mm512_slli_epi64::<BITS>(a)
    }

    #[inline(always)]
    fn right<const BITS: u32>(self, a: __m512i) -> __m512i {
        self.avx512f._mm512_srli_epi64::<BITS>(a)
    }

    /// `sum` plus the low 52 bits of `a · b`.
    #[inline(always)]
    fn low(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        self.ifma._mm512_madd52lo_epu64(sum, a, b)
    }

    /// `sum` plus the high 52 bits of `a · b`.
    #[inline(always)]
    fn high(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        self.ifma._mm512_madd52hi_epu64(sum, a, b)
    }

    /// Lanes from `a`, numbered from 0, and `b`, numbered from 8.
    #[inline(always)]
    fn pick(self, a: __m512i, lanes: [u64; LANES], b: __m512i) -> __m512i {
        self.avx512f._mm512_permutex2var_epi64(a, cast(lanes), b)
    }

    /// The columns of eight rows.
    #[inline(always)]
    fn transpose(self, rows: [__m512i; LANES]) -> [__m512i; LANES] {
        const LOW: [u64; LANES] = [0, 1, 8, 9, 4, 5, 12, 13];
        const HIGH: [u64; LANES] = [2, 3, 10, 11, 6, 7, 14, 15];
        const FIRST: [u64; LANES] = [0, 1, 2, 3, 8, 9, 10, 11];
        const SECOND: [u64; LANES] = [4, 5, 6, 7, 12, 13, 14, 15];

        // Blocks of two by two, then of four by four, then the whole.
        let mut twos = rows;
        for i in [0, 2, 4, 6] {
            twos[i] = self.avx512f._mm512_unpacklo_epi64(rows[i], rows[i + 1]);
            twos[i + 1] = self.avx512f._mm512_unpackhi_epi64(rows[i], rows[i + 1]);
        }
        let mut fours = twos;
        for i in [0, 1, 4, 5] {
            fours[i] = self.pick(twos[i], LOW, twos[i + 2]);
            fours[i + 2] = self.pick(twos[i], HIGH, twos[i + 2]);
        }
        let mut columns = fours;
        for i in 0..4 {
            columns[i] = self.pick(fours[i], FIRST, fours[i + 4]);
            columns[i + 4] = self.pick(fours[i], SECOND, fours[i + 4]);
        }
        columns
    }
}

/// A mask with one bit for each lane.
type Lanes = u8;

/// Eight elements of the prime field. Unless said otherwise, limbs are carried.
#[derive(Clone, Copy, Debug)]
pub struct Fq8([__m512i; LIMBS]);

impl Fq8 {
    #[inline(always)]
    fn constant(s: Ifma, limbs: [u64; LIMBS]) -> Self {
        let mut all = [s.all(0); LIMBS];
        for i in 0..LIMBS {
            all[i] = s.all(limbs[i]);
        }
        Self(all)
    }

    /// From four limbs of 64 bits.
    #[inline(always)]
    fn unpack(s: Ifma, a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> Self {
        let mask = s.all(LIMB_MASK);
        Self([
            s.and(a, mask),
            s.and(s.or(s.right::<52>(a), s.left::<12>(b)), mask),
            s.and(s.or(s.right::<40>(b), s.left::<24>(c)), mask),
            s.and(s.or(s.right::<28>(c), s.left::<36>(d)), mask),
            s.right::<16>(d),
        ])
    }

    /// To four limbs of 64 bits.
    #[inline(always)]
    fn pack(self, s: Ifma) -> [__m512i; 4] {
        let [a, b, c, d, e] = self.0;
        [
            s.or(a, s.left::<52>(b)),
            s.or(s.right::<12>(b), s.left::<40>(c)),
            s.or(s.right::<24>(c), s.left::<28>(d)),
            s.or(s.right::<36>(d), s.left::<16>(e)),
        ]
    }

    /// Carries limbs; they may be negative. The last one keeps what it gets.
    #[inline(always)]
    fn carried(mut self, s: Ifma) -> Self {
        let mask = s.all(LIMB_MASK);
        for i in 0..LIMBS - 1 {
            let carry = s.avx512f._mm512_srai_epi64::<LIMB_BITS>(self.0[i]);
            self.0[i] = s.and(self.0[i], mask);
            self.0[i + 1] = s.add(self.0[i + 1], carry);
        }
        self
    }

    /// The sum, not carried.
    #[inline(always)]
    fn plus(mut self, s: Ifma, other: Self) -> Self {
        for i in 0..LIMBS {
            self.0[i] = s.add(self.0[i], other.0[i]);
        }
        self
    }

    /// The difference, not carried.
    #[inline(always)]
    fn minus(mut self, s: Ifma, other: Self) -> Self {
        for i in 0..LIMBS {
            self.0[i] = s.sub(self.0[i], other.0[i]);
        }
        self
    }

    /// The lanes that are negative; limbs are carried.
    #[inline(always)]
    fn negative(self, s: Ifma) -> Lanes {
        s.avx512f._mm512_cmplt_epi64_mask(self.0[LIMBS - 1], s.all(0))
    }

    /// Sixteenfold, for multiplication.
    #[inline(always)]
    fn sixteenfold(self, s: Ifma) -> Self {
        let mask = s.all(LIMB_MASK);
        let mut shifted = self.0;
        for i in 0..LIMBS {
            shifted[i] = s.left::<4>(self.0[i]);
            if i > 0 {
                shifted[i] = s.or(shifted[i], s.right::<48>(self.0[i - 1]));
            }
            shifted[i] = s.and(shifted[i], mask);
        }
        Self(shifted)
    }

    /// `Σ a · b` over the pairs `(a, b)`, `a` sixteenfold: Montgomery's multiplication, limb by
    /// limb, one reduction for all pairs. No limb of the sum outgrows 64 bits before it is carried.
    #[inline(always)]
    fn product<const N: usize>(s: Ifma, pairs: [(Self, Self); N]) -> Self {
        let modulus = Self::constant(s, modulus(0));
        let inverse = s.all(NEGATIVE_INVERSE);
        let zero = s.all(0);
        let mut sum = [zero; LIMBS];
        for i in 0..LIMBS {
            for (a, b) in &pairs {
                for j in 0..LIMBS {
                    sum[j] = s.low(sum[j], a.0[i], b.0[j]);
                }
            }
            let multiple = s.low(zero, sum[0], inverse);
            for j in 0..LIMBS {
                sum[j] = s.low(sum[j], multiple, modulus.0[j]);
            }
            // The lowest limb is now a multiple of 2^52. All move down by one.
            let carry = s.right::<LIMB_BITS>(sum[0]);
            sum = [s.add(sum[1], carry), sum[2], sum[3], sum[4], zero];
            for (a, b) in &pairs {
                for j in 0..LIMBS {
                    sum[j] = s.high(sum[j], a.0[i], b.0[j]);
                }
            }
            for j in 0..LIMBS {
                sum[j] = s.high(sum[j], multiple, modulus.0[j]);
            }
        }
        Self(sum).carried(s)
    }

    /// The canonical form of an element `< 8q`.
    #[inline(always)]
    fn canonical(mut self, s: Ifma) -> Self {
        for multiple in [modulus(2), modulus(1), modulus(0)] {
            let less = self.minus(s, Self::constant(s, multiple)).carried(s);
            let negative = less.negative(s);
            for i in 0..LIMBS {
                self.0[i] = s.avx512f._mm512_mask_blend_epi64(negative, less.0[i], self.0[i]);
            }
        }
        self
    }
}

/// Eight elements of a coordinate field.
pub trait Elements: Copy {
    /// The field.
    type Field: Field;
    /// Elements made ready to be multiplied with.
    type Multiplier: Copy;

    /// Of eight points, x and y.
    fn load(s: Ifma, points: &[[Self::Field; 2]; LANES]) -> [Self; 2];
    /// The inverse of `load`, for canonical elements.
    fn store(s: Ifma, points: [Self; 2]) -> [[Self::Field; 2]; LANES];
    /// Makes elements ready that are canonical, or else `< 2q`.
    fn multiplier(self, s: Ifma, canonical: bool) -> Self::Multiplier;
    /// The product.
    fn times(self, s: Ifma, multiplier: Self::Multiplier) -> Self;
    /// The difference of canonical elements, canonical.
    fn difference(self, s: Ifma, other: Self) -> Self;
    /// `self` less some canonical elements, canonical. `self < 4q`, and there are at most four.
    fn less<const N: usize>(self, s: Ifma, others: [Self; N]) -> Self;
    /// The lanes in which all of these are zero.
    fn zeros<const N: usize>(s: Ifma, elements: [Self; N]) -> Lanes;
    /// These elements, but not zero in `lanes`.
    fn or_one(self, s: Ifma, lanes: Lanes) -> Self;
}

impl Elements for Fq8 {
    type Field = Fq;
    type Multiplier = Self;

    #[inline(always)]
    fn load(s: Ifma, points: &[[Fq; 2]; LANES]) -> [Self; 2] {
        let mut rows = [s.all(0); LANES];
        for i in 0..LANES {
            let [BigInt([a, b, c, d]), BigInt([e, f, g, h])] = [points[i][0].0, points[i][1].0];
            rows[i] = cast([a, b, c, d, e, f, g, h]);
        }
        let [a, b, c, d, e, f, g, h] = s.transpose(rows);
        [Self::unpack(s, a, b, c, d), Self::unpack(s, e, f, g, h)]
    }

    #[inline(always)]
    fn store(s: Ifma, [x, y]: [Self; 2]) -> [[Fq; 2]; LANES] {
        let ([a, b, c, d], [e, f, g, h]) = (x.pack(s), y.pack(s));
        let rows = s.transpose([a, b, c, d, e, f, g, h]);
        let mut points = [[Fq::ZERO; 2]; LANES];
        for i in 0..LANES {
            let [a, b, c, d, e, f, g, h]: [u64; LANES] = cast(rows[i]);
            points[i] =
                [Fq::new_unchecked(BigInt([a, b, c, d])), Fq::new_unchecked(BigInt([e, f, g, h]))];
        }
        points
    }

    #[inline(always)]
    fn multiplier(self, s: Ifma, _: bool) -> Self {
        self.sixteenfold(s)
    }

    #[inline(always)]
    fn times(self, s: Ifma, multiplier: Self) -> Self {
        Self::product(s, [(multiplier, self)])
    }

    #[inline(always)]
    fn difference(self, s: Ifma, other: Self) -> Self {
        let mut difference = self.minus(s, other).carried(s);
        let negative = difference.negative(s);
        let modulus = Self::constant(s, modulus(0));
        for i in 0..LIMBS {
            let limb = difference.0[i];
            difference.0[i] = s.avx512f._mm512_mask_add_epi64(limb, negative, limb, modulus.0[i]);
        }
        difference.carried(s)
    }

    #[inline(always)]
    fn less<const N: usize>(self, s: Ifma, others: [Self; N]) -> Self {
        let mut difference = self.plus(s, Self::constant(s, modulus(N.ilog2())));
        for other in others {
            difference = difference.minus(s, other);
        }
        difference.carried(s).canonical(s)
    }

    #[inline(always)]
    fn zeros<const N: usize>(s: Ifma, elements: [Self; N]) -> Lanes {
        let mut any = s.all(0);
        for element in elements {
            for i in 0..LIMBS {
                any = s.or(any, element.0[i]);
            }
        }
        s.avx512f._mm512_cmpeq_epi64_mask(any, s.all(0))
    }

    #[inline(always)]
    fn or_one(mut self, s: Ifma, lanes: Lanes) -> Self {
        for i in 0..LIMBS {
            let one = s.all(u64::from(i == 0));
            self.0[i] = s.avx512f._mm512_mask_blend_epi64(lanes, self.0[i], one);
        }
        self
    }
}

/// Eight elements of the quadratic extension: real and imaginary parts, the square of the
/// imaginary unit being −1.
#[derive(Clone, Copy, Debug)]
pub struct Fq2x8 {
    real: Fq8,
    imaginary: Fq8,
}

/// Both parts, and the imaginary one negated.
#[derive(Clone, Copy, Debug)]
pub struct Multiplier {
    real: Fq8,
    imaginary: Fq8,
    negated: Fq8,
}

impl Elements for Fq2x8 {
    type Field = Fq2;
    type Multiplier = Multiplier;

    #[inline(always)]
    fn load(s: Ifma, points: &[[Fq2; 2]; LANES]) -> [Self; 2] {
        let mut parts = [[[Fq::ZERO; 2]; LANES]; 2];
        for i in 0..LANES {
            let [x, y] = points[i];
            parts[0][i] = [x.c0, x.c1];
            parts[1][i] = [y.c0, y.c1];
        }
        let [x_real, x_imaginary] = Fq8::load(s, &parts[0]);
        let [y_real, y_imaginary] = Fq8::load(s, &parts[1]);
        [
            Self { real: x_real, imaginary: x_imaginary },
            Self { real: y_real, imaginary: y_imaginary },
        ]
    }

    #[inline(always)]
    fn store(s: Ifma, [x, y]: [Self; 2]) -> [[Fq2; 2]; LANES] {
        let x = Fq8::store(s, [x.real, x.imaginary]);
        let y = Fq8::store(s, [y.real, y.imaginary]);
        let mut points = [[Fq2::ZERO; 2]; LANES];
        for i in 0..LANES {
            points[i] = [Fq2::new(x[i][0], x[i][1]), Fq2::new(y[i][0], y[i][1])];
        }
        points
    }

    #[inline(always)]
    fn multiplier(self, s: Ifma, canonical: bool) -> Multiplier {
        let multiple = Fq8::constant(s, modulus(if canonical { 0 } else { 1 }));
        Multiplier {
            real: self.real.sixteenfold(s),
            imaginary: self.imaginary.sixteenfold(s),
            negated: multiple.minus(s, self.imaginary).carried(s).sixteenfold(s),
        }
    }

    #[inline(always)]
    fn times(self, s: Ifma, multiplier: Multiplier) -> Self {
        let Multiplier { real, imaginary, negated } = multiplier;
        Self {
            real: Fq8::product(s, [(real, self.real), (negated, self.imaginary)]),
            imaginary: Fq8::product(s, [(real, self.imaginary), (imaginary, self.real)]),
        }
    }

    #[inline(always)]
    fn difference(self, s: Ifma, other: Self) -> Self {
        Self {
            real: self.real.difference(s, other.real),
            imaginary: self.imaginary.difference(s, other.imaginary),
        }
    }

    #[inline(always)]
    fn less<const N: usize>(self, s: Ifma, others: [Self; N]) -> Self {
        let (mut real, mut imaginary) = ([self.real; N], [self.imaginary; N]);
        for i in 0..N {
            (real[i], imaginary[i]) = (others[i].real, others[i].imaginary);
        }
        Self { real: self.real.less(s, real), imaginary: self.imaginary.less(s, imaginary) }
    }

    #[inline(always)]
    fn zeros<const N: usize>(s: Ifma, elements: [Self; N]) -> Lanes {
        let mut lanes = Lanes::MAX;
        for element in elements {
            lanes &= Fq8::zeros(s, [element.real, element.imaginary]);
        }
        lanes
    }

    #[inline(always)]
    fn or_one(self, s: Ifma, lanes: Lanes) -> Self {
        Self { real: self.real.or_one(s, lanes), ..self }
    }
}

/// Adds lists of points pairwise, where all pairs are chords; keeps its working memory.
pub(super) struct WideAdder<E: Elements> {
    ifma: Ifma,
    /// Eight pairs each: the denominators of the slopes, one where there is no chord.
    denominators: Vec<E>,
    /// The product of all denominators before these, in the same lane.
    before: Vec<E>,
    /// The lanes that have no chord.
    no_chord: Vec<Lanes>,
}

impl<E: Elements> WideAdder<E> {
    /// None where the processor has no IFMA.
    pub(super) fn new() -> Option<Self> {
        Ifma::try_new().map(|ifma| Self {
            ifma,
            denominators: Vec::new(),
            before: Vec::new(),
            no_chord: Vec::new(),
        })
    }

    /// `left[i] += right[i]`, for all `i` but those where the points are infinity or have the same
    /// x; these are left alone and listed in `rest`.
    pub(super) fn add_assign<P: SWCurveConfig<BaseField = E::Field>>(
        &mut self,
        left: &mut [Affine<P>],
        right: &[Affine<P>],
        rest: &mut Vec<u32>,
    ) {
        struct Sweep<'a, E: Elements, P: SWCurveConfig> {
            adder: &'a mut WideAdder<E>,
            left: &'a mut [Affine<P>],
            right: &'a [Affine<P>],
        }
        impl<E: Elements, P: SWCurveConfig<BaseField = E::Field>> NullaryFnOnce for Sweep<'_, E, P> {
            type Output = ();

            #[inline(always)]
            fn call(self) {
                let product = self.adder.multiply_up(self.left, self.right);
                let inverse = self.adder.inverse(product);
                self.adder.add_down(self.left, self.right, inverse);
            }
        }

        let ifma = self.ifma;
        let pairs = left.len();
        ifma.vectorize(Sweep { adder: self, left, right });
        rest.clear();
        for (eight, lanes) in self.no_chord.iter().enumerate().filter(|(_, lanes)| **lanes != 0) {
            let listed = (0..LANES).filter(|lane| lanes >> lane & 1 == 1);
            let indices = listed.map(|lane| eight * LANES + lane);
            rest.extend(indices.filter(|index| *index < pairs).map(|index| index as u32));
        }
    }

    #[inline(always)]
    fn multiply_up<P: SWCurveConfig<BaseField = E::Field>>(
        &mut self,
        left: &[Affine<P>],
        right: &[Affine<P>],
    ) -> E {
        let s = self.ifma;
        self.denominators.clear();
        self.before.clear();
        self.no_chord.clear();
        let one = [E::Field::ONE; 2];
        let [mut product, _] = E::load(s, &[one; LANES]);
        for (left, right) in left.chunks(LANES).zip(right.chunks(LANES)) {
            let (left, right) = (eight(left), eight(right));
            let ([left_x, left_y], [right_x, right_y]) = (E::load(s, &left), E::load(s, &right));
            let difference = right_x.difference(s, left_x);
            let no_chord = E::zeros(s, [difference])
                | E::zeros(s, [left_x, left_y])
                | E::zeros(s, [right_x, right_y]);
            let denominator = difference.or_one(s, no_chord);
            self.no_chord.push(no_chord);
            self.before.push(product);
            self.denominators.push(denominator);
            product = product.times(s, denominator.multiplier(s, true));
        }
        product
    }

    /// Each lane's inverse.
    #[inline(always)]
    fn inverse(&self, product: E) -> E {
        let s = self.ifma;
        let zero = E::load(s, &[[E::Field::ZERO; 2]; LANES])[0];
        let canonical = product.less(s, [zero]);
        let mut stored = E::store(s, [canonical, zero]);
        let mut lanes = [E::Field::ZERO; LANES];
        for i in 0..LANES {
            lanes[i] = stored[i][0];
        }
        invert(&mut lanes);
        for i in 0..LANES {
            stored[i][0] = lanes[i];
        }
        E::load(s, &stored)[0]
    }

    #[inline(always)]
    fn add_down<P: SWCurveConfig<BaseField = E::Field>>(
        &mut self,
        left: &mut [Affine<P>],
        right: &[Affine<P>],
        mut inverse: E,
    ) {
        let s = self.ifma;
        let factors = self.denominators.iter().zip(&self.before).zip(&self.no_chord);
        let pairs = left.chunks_mut(LANES).zip(right.chunks(LANES));
        for ((left, right), ((denominator, before), no_chord)) in pairs.zip(factors).rev() {
            let [left_x, left_y] = E::load(s, &eight(left));
            let [right_x, right_y] = E::load(s, &eight(right));
            let own_inverse = before.times(s, inverse.multiplier(s, false));
            inverse = inverse.times(s, denominator.multiplier(s, true));

            let rise = right_y.difference(s, left_y).multiplier(s, true);
            let slope = own_inverse.times(s, rise);
            let by_slope = slope.multiplier(s, false);
            let x = slope.times(s, by_slope).less(s, [left_x, right_x]);
            let y = left_x.difference(s, x).times(s, by_slope).less(s, [left_y]);

            let sums = E::store(s, [x, y]);
            for (lane, point) in left.iter_mut().enumerate() {
                if no_chord >> lane & 1 == 0 {
                    *point = Affine::new_unchecked(sums[lane][0], sums[lane][1]);
                }
            }
        }
    }
}

/// Kept apart from the wide code, which would only be longer for it.
#[inline(never)]
fn invert<F: Field>(lanes: &mut [F; LANES]) {
    batch_inversion(lanes);
}

/// The coordinates of up to eight points, filled up with infinity.
#[inline(always)]
fn eight<P: SWCurveConfig>(points: &[Affine<P>]) -> [[P::BaseField; 2]; LANES] {
    let mut coordinates = [[P::BaseField::ZERO; 2]; LANES];
    if let Some(points) = points.first_chunk::<LANES>() {
        for i in 0..LANES {
            coordinates[i] = [points[i].x, points[i].y];
        }
    } else {
        for (place, point) in coordinates.iter_mut().zip(points) {
            *place = [point.x, point.y];
        }
    }
    coordinates
}
