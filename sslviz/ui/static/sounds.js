/* Image + sounds. */
