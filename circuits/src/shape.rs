//! The shape of a segment: how many mandates one proof holds, and how they are arranged.

use std::{fmt, str::FromStr};

use aep2_mandate::commitment::{SLOTS_MAX, shape_id};
use serde::{Deserialize, Serialize};

/// `lanes` lanes of `slots` slots, with or without capture.
///
/// Each shape is a circuit of its own, with its own keys. Written `64x16` or `64x16-capture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "RawShape", into = "RawShape")]
pub struct Shape {
    lanes: u16,
    slots: u8,
    capture: bool,
}

/// Why numbers or words are no shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The number of lanes is not a shape's.
    #[error("a shape has 1 to 65535 lanes, not {0}")]
    Lanes(u32),
    /// The number of slots is not a lane's.
    #[error("a lane has 1 to {SLOTS_MAX} slots, not {0}")]
    Slots(u32),
    /// The words do not spell a shape.
    #[error("a shape is written LANESxSLOTS or LANESxSLOTS-capture, as 64x16, not {0:?}")]
    Malformed(String),
}

impl Shape {
    /// For tests: the smallest shape with a chain in it.
    pub const TEST: Self = Self { lanes: 1, slots: 4, capture: false };
    /// A small window of unchained mandates; domain 2^17.
    pub const SINGLES_SMALL: Self = Self { lanes: 16, slots: 1, capture: false };
    /// A window of unchained mandates; domain 2^20.
    pub const SINGLES: Self = Self { lanes: 128, slots: 1, capture: false };
    /// A small window of chained mandates; domain 2^18.
    pub const CHAINS_SMALL: Self = Self { lanes: 16, slots: 16, capture: false };
    /// A full window of chained mandates; domain 2^20.
    pub const CHAINS: Self = Self { lanes: 64, slots: 16, capture: false };
    /// The shapes that have a name in the documentation, by what a proof costs.
    pub const NAMED: [Self; 5] =
        [Self::TEST, Self::SINGLES_SMALL, Self::CHAINS_SMALL, Self::SINGLES, Self::CHAINS];

    /// A shape.
    ///
    /// # Errors
    /// When there are no lanes or slots, or more than a shape may have.
    pub fn new(lanes: u32, slots: u32, capture: bool) -> Result<Self, ShapeError> {
        let too_many_lanes = ShapeError::Lanes(lanes);
        let too_many_slots = ShapeError::Slots(slots);
        match (u16::try_from(lanes), u8::try_from(slots)) {
            (Err(_) | Ok(0), _) => Err(too_many_lanes),
            (_, Err(_) | Ok(0)) => Err(too_many_slots),
            (_, Ok(slots)) if usize::from(slots) > SLOTS_MAX => Err(too_many_slots),
            (Ok(lanes), Ok(slots)) => Ok(Self { lanes, slots, capture }),
        }
    }

    /// The same lanes and slots, with capture.
    #[must_use]
    pub fn with_capture(self) -> Self {
        Self { capture: true, ..self }
    }

    /// How many signatures are checked.
    pub fn lanes(&self) -> usize {
        self.lanes.into()
    }

    /// How many mandates a lane holds.
    pub fn slots(&self) -> usize {
        self.slots.into()
    }

    /// Whether less than a mandate's amount may be captured.
    pub fn capture(&self) -> bool {
        self.capture
    }

    /// The most mandates that one proof holds.
    pub fn mandates_max(&self) -> usize {
        self.lanes() * self.slots()
    }

    /// The number by which commitments and the wallet name the shape:
    /// `lanes · 2^16 + slots · 2 + capture`.
    pub fn id(&self) -> u32 {
        shape_id(self.lanes, self.slots, self.capture)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capture = if self.capture { "-capture" } else { "" };
        write!(f, "{}x{}{capture}", self.lanes, self.slots)
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let malformed = || ShapeError::Malformed(text.chars().take(40).collect());
        let (size, capture) = match text.strip_suffix("-capture") {
            Some(size) => (size, true),
            None => (text, false),
        };
        let (lanes, slots) = size.split_once('x').ok_or_else(malformed)?;
        let number = |digits: &str| digits.parse::<u32>().map_err(|_| malformed());
        let shape = Self::new(number(lanes)?, number(slots)?, capture)?;
        // A shape has one spelling: no sign, no leading zeros.
        if shape.to_string() == text { Ok(shape) } else { Err(malformed()) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShape {
    lanes: u32,
    slots: u32,
    capture: bool,
}

impl TryFrom<RawShape> for Shape {
    type Error = ShapeError;

    fn try_from(raw: RawShape) -> Result<Self, ShapeError> {
        Self::new(raw.lanes, raw.slots, raw.capture)
    }
}

impl From<Shape> for RawShape {
    fn from(shape: Shape) -> Self {
        Self { lanes: shape.lanes.into(), slots: shape.slots.into(), capture: shape.capture }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        for shape in Shape::NAMED {
            for shape in [shape, shape.with_capture()] {
                assert_eq!(shape.to_string().parse(), Ok(shape));
            }
        }
        assert_eq!(Shape::CHAINS.with_capture().to_string(), "64x16-capture");
        assert_eq!("0x4".parse::<Shape>(), Err(ShapeError::Lanes(0)));
        assert_eq!("65536x4".parse::<Shape>(), Err(ShapeError::Lanes(65_536)));
        assert_eq!("4x251".parse::<Shape>(), Err(ShapeError::Slots(251)));
        for text in ["", "4", "4x", "x4", "4x4x4", "4x4-", "-1x4", "4x4-Capture", "+1x4", "1x04"] {
            assert!(matches!(text.parse::<Shape>(), Err(ShapeError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn ids_are_distinct() {
        let shape = Shape::new(4, 4, true).unwrap();
        assert_eq!(shape.id(), 4 * 65_536 + 4 * 2 + 1);
        let mut ids: Vec<u32> =
            Shape::NAMED.iter().flat_map(|shape| [shape.id(), shape.with_capture().id()]).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 10);
    }
}
