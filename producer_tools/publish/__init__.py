"""`speakerstream publish`: recordings become chunks in a store and events about them."""
