//! `aep2 shapes`.

use std::process::ExitCode;

use aep2_circuits::{Shape, size::Size};
use clap::Args;
use serde_json::json;

use crate::output::Output;

/// List shapes and their sizes
#[derive(Args)]
pub(crate) struct Arguments {
    /// The shapes to list [default: the named ones, with and without capture]
    shapes: Vec<Shape>,
}

pub(crate) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<ExitCode> {
    let shapes = if arguments.shapes.is_empty() {
        Shape::NAMED.iter().flat_map(|shape| [*shape, shape.with_capture()]).collect()
    } else {
        arguments.shapes.clone()
    };
    let sized: Vec<(Shape, Size)> =
        shapes.into_iter().map(|shape| (shape, Size::of(shape))).collect();
    let result: Vec<_> = sized
        .iter()
        .map(|(shape, size)| {
            json!({ "shape": shape.to_string(), "mandates": shape.mandates_max(), "size": size })
        })
        .collect();
    output.result(&result, || {
        let head = format!(
            "{:16} {:>8} {:>12} {:>9} {:>9} {:>8}",
            "shape", "mandates", "constraints", "per slot", "per lane", "domain"
        );
        sized.iter().fold(head, |table, (shape, size)| {
            table
                + &format!(
                    "\n{:16} {:>8} {:>12} {:>9} {:>9} {:>8}",
                    shape.to_string(),
                    shape.mandates_max(),
                    size.constraints,
                    size.constraints_per_slot,
                    size.constraints_per_lane,
                    format!("2^{}", size.domain.trailing_zeros())
                )
        })
    })?;
    Ok(ExitCode::SUCCESS)
}
