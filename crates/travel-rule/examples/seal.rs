//! Seals an object of the Travel Rule to a processor's key, as a payer does.
//!
//! ```sh
//! curl -s https://processor.example/v1/travel-rule/key > key.json
//! cargo run -p aep2-travel-rule --example seal -- key.json < object.json
//! ```
//!
//! The object is the whole one, with the mandate that it is for. The token goes to standard output.

use std::{
    env,
    error::Error,
    fs, io,
    time::{SystemTime, UNIX_EPOCH},
};

use aep2_travel_rule::{PublicKey, TravelRuleObject};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("which file has the processor's public key?")?;
    let key = PublicKey::from_jwk(&fs::read(path)?)?;
    let object = io::read_to_string(io::stdin())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    println!("{}", TravelRuleObject::read(object.as_bytes(), now)?.seal(&key)?);
    Ok(())
}
