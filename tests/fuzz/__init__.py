"""Files come from people, bots and strangers: none of them, whatever its bytes, crashes, hangs or fills the machine."""
