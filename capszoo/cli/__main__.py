from capszoo.cli import main

main()
