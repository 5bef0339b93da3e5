/* Whatever a program links is made once, when the compiler is installed: this one links it. */
#include <stdio.h>

int main(void) {
  return puts("ready") < 0;
}
